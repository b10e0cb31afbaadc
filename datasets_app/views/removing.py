"""The short ways of a repair: rows that go by one button, each shown as a preview before it is applied."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from datasets_app import decisions, launching, marks, previews, reports
from datasets_app.models import DatasetVersion
from datasets_app.views.marks import back
from datasets_app.views.repairing import worded
from datasets_app.views.versions import render_version
from engine.data.errors import DataError

MOST_NUMBERS = 5000


def look(request: HttpRequest, found: DatasetVersion) -> HttpResponse:
    """What would go, as a preview, and the button that applies exactly this."""
    asked = request.POST if request.method == "POST" else request.GET
    context: dict[str, Any] = {"project": found.dataset.project, "version": found, "title": _title(asked)}
    context["asked"] = [(name, value) for name in ("finding", "tag", "number") for value in asked.getlist(name)]
    if asked.get("look") == "rows" and not _numbers(asked):
        messages.warning(request, "No row is ticked. Tick rows, then choose what to do with them.")
        return back(request, found)
    try:
        operations = operations_of(found, asked)
        context["made"] = worded(previews.preview(found, operations))
        context["made"]["left_alone"] = reports.left_alone(operations)
    except launching.NotReady as why:
        return render_version(request, found, note=str(why))
    except (previews.NoPreview, DataError) as why:
        context |= {"note": getattr(why, "found", "") or str(why), "remedy": getattr(why, "remedy", "")}
    return render(request, "datasets_app/remove.html", context, status=422 if "note" in context else 200)


def apply(request: HttpRequest, found: DatasetVersion) -> HttpResponse:
    assert isinstance(request.user, User)
    try:
        repair = launching.start_repair(found, operations_of(found, request.POST), request.user)
    except launching.NotReady as why:
        return render_version(request, found, note=str(why))
    return redirect(repair)


def operations_of(version: DatasetVersion, asked: QueryDict) -> list[dict[str, Any]]:
    """What is asked for: ``number`` rows that were ticked, ``tag`` all rows with a tag, ``finding`` the rows of one
    finding; by itself exact duplicates and rows that cannot be used. Raises NotReady."""
    audit = launching.audit_of(version)
    if asked.get("look") == "rows" or asked.keys() & {"number", "tag"}:
        numbers = _numbers(asked)
        if tag := asked.get("tag", ""):
            numbers = sorted(marks.numbers(audit, version.dataset, tag, ""))
        if not numbers:
            raise launching.NotReady("No row is chosen. Tick rows, then choose what to do with them.")
        return [{"op": "drop", "codes": [], "numbers": numbers}]
    document = decisions.judged(version, audit)
    if code := asked.get("finding", ""):
        operations = reports.operations_for(document, code)
        if operations is None:
            raise launching.NotReady("The rows of this finding are not taken out by a button; mend them in the file.")
        return reports.sparing(operations, document)
    removal = reports.removal(document)
    if not removal.makes_sense:
        raise launching.NotReady(
            "There is nothing to remove: no unusable row and no exact duplicate."
            if removal.stay
            else "No row would be left. Mend the file and upload it again."
        )
    return removal.operations


def _numbers(asked: QueryDict) -> list[int]:
    known = {int(one) for one in asked.getlist("number") if one.isascii() and one.isdigit() and len(one) < 12}
    return sorted(known)[:MOST_NUMBERS]


def _title(asked: QueryDict) -> str:
    if tag := asked.get("tag", ""):
        return f"Drop the rows tagged “{tag[:40]}”"
    if "number" in asked or asked.get("look") == "rows":
        return "Drop the selected rows"
    if code := asked.get("finding", ""):
        return f"Remove: {reports.titles().get(code, 'rows of a finding').lower()}"
    return "Remove exact duplicates and unusable rows"
