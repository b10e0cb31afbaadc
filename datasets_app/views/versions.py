"""A version: its audit page, its bytes, its audit as a document."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from datasets_app import decisions, launching, lineage, reports
from datasets_app.forms import LeakForm, SplitForm
from datasets_app.models import Audit, DatasetVersion
from projects_app.access import can_write, get_project
from projects_app.models import Role
from runs_app import logs


def get_version(request: HttpRequest, project_id: int, version_id: int, need: Role = Role.READER) -> DatasetVersion:
    """The version, reached through its project. Raises Http404 for strangers, PermissionDenied below ``need``."""
    project = get_project(request, project_id, need)
    known = DatasetVersion.objects.filter(dataset__project=project, pk=version_id)
    found = known.select_related("dataset", "parent").first()
    if found is None:
        raise Http404("No such version in this project.")
    found.dataset.project = project
    return found


@require_GET
def version(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """The audit page. While the audit runs its progress panel asks each second, and the end reloads the page."""
    found = get_version(request, project_id, version_id)
    if is_poll(request):
        audit = found.audit
        if audit is None or audit.run.has_ended:
            return HttpResponseClientRefresh()
        context = {"run": audit.run, "can_write": can_write(found.dataset.project.role)}
        return render(request, "datasets_app/_progress_run.html", context)
    return render_version(request, found)


def render_version(
    request: HttpRequest, found: DatasetVersion, split_form: SplitForm | None = None, note: str = ""
) -> HttpResponse:
    """The page with, after a form that did not pass, what was typed and why."""
    project = found.dataset.project
    audit = found.audit
    context: dict[str, Any] = {
        "project": project,
        "version": found,
        "can_write": can_write(project.role),
        "audit": audit,
        "run": audit.run if audit else None,
        "state": decisions.state_of(found, audit),
        "lineage": lineage.graph(found),
        "how_made": lineage.how_made(found),
        "children": found.children.order_by("number"),
        "splits": [(split, reports.split_words(split)) for split in found.splits.select_related("run")],
        "split_form": split_form or SplitForm(),
        "leak_form": LeakForm(project=project, version=found, initial={"against": audit.against_id if audit else None}),
        "note": note,
        "export_forms": reports.export_forms(),
    }
    if audit and audit.document and not audit.refused:
        context |= _audited(found, decisions.judged(found, audit))
    bad = note or (split_form is not None and split_form.errors)
    return render(request, "datasets_app/version.html", context, status=400 if bad else 200)


def _audited(found: DatasetVersion, document: dict[str, Any]) -> dict[str, Any]:
    removal = reports.removal(document)
    done = found.repairs.filter(child__isnull=False).select_related("child__dataset")
    return {
        "document": document,
        "removal": removal,
        "repaired": next((repair.child for repair in done if repair.operations == removal.operations), None),
        "findings": reports.findings(document),
        "chart": reports.token_chart(document),
        "tone": reports.TONES.get(document["readiness"]["grade"], ""),
    }


@require_POST
def audit(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """Audits again: after a failure, with another model there, or against held-out rows."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    form = LeakForm(request.POST, project=found.dataset.project, version=found)
    if not form.is_valid():
        return render_version(request, found, note="The held-out data chosen is no longer there. Choose another.")
    running = found.audit
    if running is None or running.run.has_ended:
        launching.start_audit(found, request.user, against=form.cleaned_data["against"])
    return redirect(found)


@require_GET
def document(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """The audit's document as the engine wrote it, for people who want to read it with their own tools."""
    found = get_version(request, project_id, version_id)
    audit = found.audits.filter(document__isnull=False).order_by("-id").first()
    if audit is None:
        raise Http404("This version has no finished audit.")
    response = JsonResponse(whole_document(audit), json_dumps_params={"indent": 1, "ensure_ascii": True})
    name = f"{found.dataset.name}-v{found.number}-audit.json"
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


@require_GET
def download(request: HttpRequest, project_id: int, version_id: int) -> StreamingHttpResponse:
    """The rows as they are stored, streamed."""
    found = get_version(request, project_id, version_id)
    if not found.path.is_file():
        raise Http404("The file of this version is gone from the disk.")
    response = StreamingHttpResponse(logs.chunks(found.path), content_type="application/x-ndjson")
    response["Content-Length"] = str(found.size)
    response["Content-Disposition"] = content_disposition_header(True, found.filename)
    return response


def whole_document(audit: Audit) -> dict[str, Any]:
    """The engine's own file; the short one of the database where that file is gone."""
    try:
        found: dict[str, Any] = json.loads((audit.folder / "document.json").read_bytes())
    except (OSError, ValueError):
        return audit.document or {}
    return found


def is_poll(request: HttpRequest) -> bool:
    """Whether the progress panel asks about itself, rather than a person for the page."""
    return bool(request.htmx) and request.htmx.target == "run-progress"  # type: ignore[attr-defined]
