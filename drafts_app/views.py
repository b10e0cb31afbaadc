"""The form that starts a drafting, and the page of one: its progress and its review queue."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from datasets_app.launching import NotReady
from datasets_app.models import DatasetVersion
from datasets_app.views.versions import get_version
from drafts_app import launching, previewing, reviewing
from drafts_app.forms import DraftForm
from drafts_app.models import TAKEN, DraftBatch, State
from engine.data.errors import DataError
from engine.drafting.instructions import DEFAULT, MODES
from projects_app.access import can_write, get_project
from projects_app.models import Project, Role

PER_PAGE = 10
SHOWS = {
    "waiting": "To review",
    "flagged": "Flagged",
    "taken": "Accepted",
    "rejected": "Rejected",
    "unusable": "Unusable",
}


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """POST with ``preview`` shows what would be sent; without it, the drafting starts."""
    version = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    form = DraftForm(
        request.POST if request.method == "POST" else None, version=version, initial={"instruction": DEFAULT}
    )
    context: dict[str, Any] = {
        "project": version.dataset.project,
        "version": version,
        "form": form,
        "batches": version.draft_batches.select_related("run", "version__dataset"),
        "ready": form.audit is not None and not form.audit.refused,
        "is_owner": version.dataset.project.role == Role.OWNER,
    }
    if request.method == "POST" and form.is_valid():
        mode, asked = form.cleaned_data["mode"], form.asked()
        try:
            context["preview"] = previewing.preview(version, form.teacher, mode, asked)
            if "preview" not in request.POST:
                return redirect(launching.start_draft(version, form.teacher, mode, asked, request.user))
        except (NotReady, DataError) as error:
            form.add_error(None, str(error))
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "drafts_app/new.html", context, status=status)


@require_GET
def draft(request: HttpRequest, project_id: int, batch_id: int) -> HttpResponse:
    """?show=waiting|flagged|taken|rejected|unusable&page=N"""
    project = get_project(request, project_id)
    batch = get_batch(project, batch_id)
    counts = reviewing.counts(batch)
    show = request.GET.get("show", "waiting")
    show = show if show in SHOWS else "waiting"
    page = Paginator(_rows(batch, show), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **about(batch, project),
        "counts": counts,
        "show": show,
        "shows": [(name, title, counts[name]) for name, title in SHOWS.items()],
        "page": page,
        "cards": [reviewing.as_card(row) for row in page],
        "to_add": batch.to_add().count(),
        "targets": targets(batch),
        "added": _added(batch),
    }
    return render(request, "drafts_app/draft.html", context)


@require_GET
def progress(request: HttpRequest, project_id: int, batch_id: int) -> HttpResponse:
    """The progress card, which asks for itself until the run has ended."""
    project = get_project(request, project_id)
    batch = get_batch(project, batch_id)
    context = {**about(batch, project), "counts": reviewing.counts(batch)}
    return render(request, "drafts_app/_progress.html", context)


def get_batch(project: Project, batch_id: int) -> DraftBatch:
    known = DraftBatch.objects.filter(version__dataset__project=project, pk=batch_id)
    found = known.select_related("run", "version__dataset", "endpoint", "created_by").first()
    if found is None:
        raise Http404("No such drafts in this project.")
    return found


def about(batch: DraftBatch, project: Project) -> dict[str, Any]:
    return {
        "project": project,
        "batch": batch,
        "version": batch.version,
        "run": batch.run,
        "mode": MODES[batch.mode][0],
        "can_write": can_write(project.role),
    }


def targets(batch: DraftBatch) -> list[DatasetVersion]:
    """Versions of the data set that rows can be added to, the newest first."""
    known = batch.version.dataset.versions.filter(audits__document__isnull=False).distinct()
    return [version for version in known if version.audit is not None and not version.audit.refused]


def _rows(batch: DraftBatch, show: str) -> Any:
    rows = batch.rows.select_related("decided_by", "repair__run")
    if show == "flagged":
        return rows.filter(state=State.WAITING).exclude(flags=[])
    return rows.filter(state__in=TAKEN) if show == "taken" else rows.filter(state=show)


def _added(batch: DraftBatch) -> list[dict[str, Any]]:
    """The repairs that took accepted rows: the repair, how many, and the version it made."""
    counts: dict[int, dict[str, Any]] = {}
    for row in batch.rows.filter(repair__isnull=False).select_related("repair__run", "repair__child__dataset"):
        assert row.repair is not None
        entry = counts.setdefault(row.repair.pk, {"repair": row.repair, "rows": 0})
        entry["rows"] += 1
    return list(counts.values())
