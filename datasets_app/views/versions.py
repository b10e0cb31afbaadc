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

from datasets_app import audit_page, decisions, launching, lineage, reports
from datasets_app.audit_forms import AuditForm
from datasets_app.forms import SplitForm
from datasets_app.models import Audit, DatasetVersion
from projects_app.access import can_write, get_project
from projects_app.models import Role
from runs_app import logs
from runs_app.models import Run


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
    """The audit page, ?tab=, and of an earlier audit with ?audit=. While an audit runs its progress panel asks each
    second, and the end reloads the page; the result of the one before stays in sight."""
    found = get_version(request, project_id, version_id)
    if is_poll(request):
        audit = found.audit
        if audit is None or audit.run.has_ended:
            return HttpResponseClientRefresh()
        context = {"run": audit.run, "can_write": can_write(found.dataset.project.role)} | told_last(audit.run)
        return render(request, "datasets_app/_progress_run.html", context)
    return render_version(request, found)


def render_version(
    request: HttpRequest,
    found: DatasetVersion,
    split_form: SplitForm | None = None,
    note: str = "",
    audit_form: AuditForm | None = None,
) -> HttpResponse:
    """The page with, after a form that did not pass, what was typed and why."""
    project = found.dataset.project
    newest, audit = found.audit, _asked_audit(request, found)
    context: dict[str, Any] = {
        "project": project,
        "version": found,
        "can_write": can_write(project.role),
        "audit": audit,
        "run": newest.run if newest else None,
        **(told_last(newest.run) if newest else {}),
        "is_earlier": audit is not None and audit.document is not None and audit != found.audited(),
        "state": decisions.state_of(found, audit),
        "lineage": lineage.graph(found),
        "how_made": lineage.how_made(found),
        "line_words": lineage.line_words(found),
        "children": found.children.order_by("number"),
        "splits": [(split, reports.split_words(split)) for split in found.splits.select_related("run")],
        "split_form": split_form or SplitForm(),
        "audit_form": audit_form or AuditForm(version=found, audit=newest, user=request.user),
        "audits": found.audits.select_related("run", "base_model", "against__dataset", "production__dataset")
        .defer("document")
        .order_by("-id")[:20],
        "note": note,
        "export_forms": reports.export_forms(),
    }
    if audit and audit.document and not audit.refused:
        document = decisions.judged(found, audit)
        context |= _audited(found, document) | audit_page.context(document, request.GET)
    bad = note or any(form is not None and form.errors for form in (split_form, audit_form))
    part = request.htmx and request.htmx.target == "audit" and "document" in context  # type: ignore[attr-defined]
    template = "datasets_app/_audit.html" if part else "datasets_app/version.html"
    return render(request, template, context, status=400 if bad else 200)


def _asked_audit(request: HttpRequest, found: DatasetVersion) -> Audit | None:
    """The audit to show: the one the address names, else the newest that has a result, else the newest."""
    number = request.GET.get("audit", "")
    if number.isascii() and number.isdigit() and len(number) < 10:
        named = found.audits.filter(document__isnull=False, pk=int(number)).first()
        if named is not None:
            return named
    return found.audited() or found.audit


def _audited(found: DatasetVersion, document: dict[str, Any]) -> dict[str, Any]:
    removal = reports.removal(document)
    done = found.repairs.filter(child__isnull=False).select_related("child__dataset")
    return {
        "document": document,
        "removal": removal,
        "repaired": next((repair.child for repair in done if repair.operations == removal.operations), None),
        "tone": reports.TONES.get(document["readiness"]["grade"], ""),
    }


def told_last(run: Run) -> dict[str, Any]:
    """What a run that reads rows said last: rows a second, and what its steps are of."""
    said = None if run.has_ended else run.events.filter(kind="progress").order_by("-seq").first()
    data = said.data if said else {}
    return {
        "rate": int(data["rows_per_s"]) if data.get("rows_per_s") else None,
        "steps_of": data.get("unit") or "bytes",
    }


def rate(run: Run) -> int | None:
    """Rows a second of a run that reads rows, as it said last."""
    found: int | None = told_last(run)["rate"]
    return found


@require_POST
def audit(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """Audits again: after a failure, with another model or cutoff, or against other rows."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    form = AuditForm(request.POST, version=found, audit=found.audit, user=request.user)
    if not form.is_valid():
        return render_version(request, found, audit_form=form)
    running = found.audit
    if running is None or running.run.has_ended:
        launching.start_audit(found, request.user, choices=form.choices())
    return redirect(found)


@require_GET
def document(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """The audit's document as the engine wrote it, for people who want to read it with their own tools."""
    found = get_version(request, project_id, version_id)
    audit = found.audited()
    if audit is None:
        raise Http404("This version has no finished audit.")
    response = JsonResponse(whole_document(audit), json_dumps_params={"indent": 1, "ensure_ascii": True})
    name = f"{found.dataset.name}-v{found.number}-audit.json"
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


@require_GET
def download(request: HttpRequest, project_id: int, version_id: int) -> StreamingHttpResponse:
    """The rows as they are stored, streamed. For members: nothing in them is masked; readers have the exports."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
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
