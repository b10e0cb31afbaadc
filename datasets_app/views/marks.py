"""What people note about rows and findings: tags, reviewed, a note; accepted or dismissed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from datasets_app import decisions, launching, marks
from datasets_app.models import Audit, DatasetVersion
from datasets_app.review_models import Decision
from datasets_app.views.versions import get_version
from engine.data.browse import open_audit
from engine.data.errors import DataError
from engine.events import plain
from projects_app.access import can_write
from projects_app.models import Role

MOST_PICKED = 500


@require_POST
def mark(request: HttpRequest, project_id: int, version_id: int, number: int) -> HttpResponse:
    """Changes the mark of one row. htmx gets the row's tools anew; a browser without it goes back to where it was."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    audit = audit_or_404(found)
    row_id = marks.ids_of(audit, [number]).get(number)
    if row_id is None:
        raise Http404("There is no such row, or it is a line that is no JSON object and cannot be marked.")
    marks.change(found.dataset, [row_id], _change(request), request.user)
    if not request.htmx:  # type: ignore[attr-defined]
        return back(request, found, f"#line-{number}")
    item: dict[str, Any] = {"row": {"number": number}}
    context = {
        "project": found.dataset.project,
        "version": found,
        "can_write": can_write(found.dataset.project.role),
        "code": request.POST.get("code", "")[:60],
        "item": attach(found, audit, [item])[0],
        "here": request.POST.get("next", ""),
    }
    return render(request, "datasets_app/_row_tools.html", context)


@require_POST
def mark_many(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """Changes the marks of the rows that are ticked (at most 500 at once)."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    picked = [int(one) for one in request.POST.getlist("number") if one.isascii() and one.isdigit() and len(one) < 12]
    if not picked:
        messages.warning(request, "No row is ticked. Tick rows, then choose what to do with them.")
        return back(request, found)
    if len(picked) > MOST_PICKED:
        return HttpResponseBadRequest(f"At most {MOST_PICKED} rows are marked at once.")
    known = marks.ids_of(audit_or_404(found), picked)
    what = _change(request)
    if what == marks.Change():
        messages.warning(request, "Nothing to do: name a tag, or choose reviewed.")
        return back(request, found)
    count = marks.change(found.dataset, known.values(), what, request.user)
    said = f"{count} row{'' if count == 1 else 's'} changed."
    unknown = len(set(picked)) - len(known)
    messages.success(request, said + (f" {unknown} cannot be marked: no JSON object stands there." if unknown else ""))
    return back(request, found)


@require_POST
def decide(request: HttpRequest, project_id: int, version_id: int, code: str) -> HttpResponse:
    """Accepts or dismisses a finding, or (with ``row``) dismisses it in one row; an empty decision takes it back."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    audit = audit_or_404(found)
    if not any(finding["code"] == code for finding in (audit.document or {}).get("findings", [])):
        raise Http404("This audit has no such finding.")
    decision, note = request.POST.get("decision", ""), plain(request.POST.get("note", "").strip()[:500])
    if decision and decision not in Decision.values:
        return HttpResponseBadRequest("A finding is accepted or dismissed.")
    if decision == Decision.DISMISSED and not note and "row" not in request.POST:
        messages.warning(request, "Say why it is fine: a dismissed finding needs a note, for whoever reads it later.")
        return back(request, found)
    rows = [""]
    if "row" in request.POST:
        picked = [int(one) for one in request.POST.getlist("row") if one.isascii() and one.isdigit() and len(one) < 12]
        rows = list(dict.fromkeys(marks.ids_of(audit, picked[:MOST_PICKED]).values()))
    for row_id in rows:
        decisions.decide(found, code, decision, note, request.user, row_id)
    return back(request, found)


def audit_or_404(version: DatasetVersion) -> Audit:
    try:
        return launching.audit_of(version)
    except launching.NotReady as why:
        raise Http404(str(why)) from None


def attach(version: DatasetVersion, audit: Audit, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gives each row of a list its identity, its mark, and the findings that were dismissed in it."""
    ids = marks.ids_of(audit, [_number(item) for item in items])
    known = marks.known(version.dataset, ids.values())
    fine: dict[str, list[str]] = {}
    for (code, row_id), one in decisions.decided(version).items():
        if row_id and one.decision == Decision.DISMISSED:
            fine.setdefault(row_id, []).append(code)
    for item in items:
        item["row_id"] = row_id = ids.get(_number(item), "")
        item["mark"] = known.get(row_id)
        item["fine"] = fine.get(row_id, [])
    return items


def back(request: HttpRequest, version: DatasetVersion, anchor: str = "") -> HttpResponse:
    """To the page the form stood on, if that is one of ours; else to the rows."""
    there = request.POST.get("next", "")
    if there and url_has_allowed_host_and_scheme(there, allowed_hosts=None):
        return redirect(there.partition("#")[0] + anchor)
    return redirect("version_rows", version.dataset.project_id, version.pk)


def one_row(version: DatasetVersion, audit: Audit, number: int) -> Any:
    """A row as pages show it, masked. Raises Http404."""
    try:
        with open_audit(version.path, audit.folder) as view:
            row = view.row(number)
    except (DataError, OSError) as error:
        raise Http404(str(error)) from None
    if row is None:
        raise Http404("There is no such row.")
    return row


def _number(item: dict[str, Any]) -> int:
    row = item["row"]
    return int(row["number"] if isinstance(row, dict) else row.number)


def _change(request: HttpRequest) -> marks.Change:
    reviewed = {"yes": True, "no": False}.get(request.POST.get("reviewed", ""))
    note = request.POST.get("note")
    return marks.Change(
        add=marks.tags_in(request.POST.get("add", "")),
        remove=marks.tags_in(request.POST.get("remove", "")),
        reviewed=reviewed,
        note=None if note is None else plain(note.strip()[:500]),
    )
