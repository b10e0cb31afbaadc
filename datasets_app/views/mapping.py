"""Read it as another shape: choose what each column is, see the first rows as they would be read, make the version."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from datasets_app import columns, launching
from datasets_app.mapping_forms import MappingForm
from datasets_app.models import DatasetVersion
from datasets_app.views.versions import get_version
from engine.data import formats, guess
from engine.data.mask import mask_text
from engine.data.records import Record
from projects_app.models import Role


@require_http_methods(["GET", "POST"])
def mapping(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """GET with what was chosen so far shows it tried on the first rows; POST makes the new version of all of them."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    records = columns.first_rows(found)
    asked = request.POST if request.method == "POST" else request.GET
    form = MappingForm(records, asked.dict() if asked else None)
    note = ""
    if request.method == "POST":
        if form.mapping is None:
            note = form.found
        else:
            try:
                operations = [{"op": "map", "mapping": form.mapping.as_json()}]
                return redirect(launching.start_repair(found, operations, request.user))
            except launching.NotReady as why:
                note = str(why)
    page = "datasets_app/mapping.html#choice" if request.htmx else "datasets_app/mapping.html"  # type: ignore[attr-defined]
    context = _context(found, records, form) | {"note": note}
    return render(request, page, context, status=400 if note else 200)


def _context(version: DatasetVersion, records: list[Record], form: MappingForm) -> dict[str, Any]:
    rows = form.rows
    problem = guess.first_problem(rows)
    return {
        "project": version.dataset.project,
        "version": version,
        "form": form,
        "trial": form.trial() if records else None,
        "looked": len(records),
        "read_as": [_read_as(*reason) for reason in guess.reasons(rows)],
        "problem": mask_text(problem.found) if problem else "",
        "remedy": problem.remedy if problem else "",
        "sees": [mask_text(column) for column in form.columns],
    }


def _read_as(name: str, rows: int, deciding: list[str]) -> dict[str, Any]:
    return {
        "title": formats.load(name).TITLE if name else "",
        "rows": rows,
        "deciding": [mask_text(column)[:60] for column in deciding],
    }
