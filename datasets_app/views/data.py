"""The Data page: every version with what made it, and the zone where a file comes in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from datasets_app import current, decisions, lineage, receiving, reports
from datasets_app.models import Audit, Dataset
from datasets_app.views.versions import rate
from projects_app.access import can_write, get_project
from projects_app.models import Project
from runs_app.models import ENDED, Status


@require_GET
def data(request: HttpRequest, project_id: int) -> HttpResponse:
    project = get_project(request, project_id)
    lines = [{"dataset": dataset, "rows": _rows_of(dataset)} for dataset in _datasets(project)]
    waiting = project.uploads.filter(version=None, run__isnull=False).exclude(run__status=Status.SUCCEEDED)
    arriving = [(upload, rate(upload.run)) for upload in waiting.select_related("run", "created_by") if upload.run]
    audits = Audit.objects.filter(version__dataset__project=project).exclude(run__status__in=ENDED)
    context: dict[str, Any] = {
        "project": project,
        "can_write": can_write(project.role),
        "lines": lines,
        "arriving": arriving,
        "busy": any(upload.is_being_opened for upload, _ in arriving) or audits.exists(),
        "room": receiving.free_bytes(),
    }
    # The list asks for itself while an audit is on its way.
    page = "datasets_app/data.html#versions" if request.htmx else "datasets_app/data.html"  # type: ignore[attr-defined]
    return render(request, page, context)


def _datasets(project: Project) -> list[Dataset]:
    related = ("versions", "versions__parent", "versions__audits__run", "versions__splits__run")
    return list(project.datasets.select_related("current").prefetch_related(*related))


def _rows_of(dataset: Dataset) -> list[dict[str, Any]]:
    """One line a version, in the order of its descent. Works on what was prefetched, but for decisions."""
    shown = []
    versions = list(dataset.versions.all())
    now = current.current_of(dataset)
    for depth, version in lineage.in_lineage(versions):
        audit = max(version.audits.all(), key=lambda audit: audit.pk, default=None)
        document = (audit.document or {}) if audit else {}
        state, note = decisions.state_of(version, audit)
        shown.append(
            {
                "depth": depth,
                "version": version,
                "how_made": lineage.how_made(version),
                "is_current": now == version and len(versions) > 1,
                "counts": document.get("rows"),
                "state": state,
                "note": note,
                "splits": [(split, reports.split_words(split)) for split in version.splits.all()],
            }
        )
    return shown
