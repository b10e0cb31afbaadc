"""Editing rows in the browser: the form of a row, and the basket where changes wait until they are applied together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from datasets_app import baskets, editing, launching, previews
from datasets_app.models import Audit, DatasetVersion
from datasets_app.review_models import ValuesShown, Waiting
from datasets_app.views.marks import audit_or_404, back, one_row
from datasets_app.views.versions import get_version
from engine.data.errors import DataError
from engine.data.mask import mask_all, mask_text
from projects_app.models import Role

MOST_BASKET = 50
MOST_LOOKS = 10
ONE_LOOK = timedelta(minutes=15)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, project_id: int, version_id: int, number: int) -> HttpResponse:
    """GET: the row; where it holds personal data, masked, with the step that shows the values. POST ``show`` takes that
    step; ``add`` and ``drop`` change the turns; ``save`` puts the row into the basket. What was typed is kept."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    audit = audit_or_404(found)
    original, key = _original(found, audit, number)
    if original is None:
        return mend(request, found, audit, number)
    waiting = baskets.of(found, request.user, "edit").filter(key=key).first()
    start = waiting.data["row"] if waiting else original
    if request.method == "POST" and "show" not in request.POST:
        editor = editing.typed(start, request.POST)
        if editing.moved(editor, request.POST) or editor.found:
            _note_shown(found, request.user, number, key, start)
            return _form(request, found, number, editor, waiting, status=422 if editor.found else 200)
        return _save(request, found, request.user, number, key, original, editor)
    if request.method == "POST":
        _note_shown(found, request.user, number, key, start)
    elif mask_all(start) != start:
        shown = one_row(found, audit, number)
        return _form(request, found, number, None, waiting, masked=editing.pretty(mask_all(start)), row=shown)
    return _form(request, found, number, editing.opened(start), waiting)


@require_http_methods(["GET", "POST"])
def basket(request: HttpRequest, project_id: int, version_id: int) -> HttpResponse:
    """What waits, each change as a diff. POST ``remove`` takes one out, ``empty`` all, ``apply`` makes one version."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    waiting = baskets.of(found, request.user)
    if request.method == "GET":
        return _basket(request, found)
    if request.POST.get("remove", "").isdecimal():
        waiting.filter(pk=int(request.POST["remove"])).delete()
    elif "empty" in request.POST:
        waiting.delete()
    elif "apply" in request.POST:
        try:
            return redirect(baskets.apply(found, request.user, request.POST.get("op", "")))
        except (launching.NotReady, DataError) as why:
            messages.error(request, f"{why} {getattr(why, 'remedy', '')}")
    return back(request, found) if request.POST.get("next") else redirect("version_basket", project_id, version_id)


def _note_shown(version: DatasetVersion, user: User, number: int, row_id: str, row: dict[str, Any]) -> None:
    """Who had personal data or keys shown, and when; within a quarter of an hour it is one look."""
    if mask_all(row) == row:
        return
    lately = timezone.now() - ONE_LOOK
    if not ValuesShown.objects.filter(version=version, row_id=row_id, by=user, at__gte=lately).exists():
        ValuesShown.objects.create(version=version, number=number, row_id=row_id, by=user)


def mend(request: HttpRequest, version: DatasetVersion, audit: Audit, number: int) -> HttpResponse:
    """A line that cannot be read, as text. POST ``save``: the row that was typed in its place waits in the basket."""
    assert isinstance(request.user, User)
    raw, key = editing.line_of(version, audit, number), f"line {number}"
    if raw is None:
        raise Http404("There is no such row, or the line is too long to be mended here.")
    waiting = baskets.of(version, request.user, "edit").filter(key=key).first()
    start = editing.pretty(waiting.data["row"]) if waiting else raw
    more = {"is_line": True, "row": one_row(version, audit, number)}
    if request.method == "POST":
        _note_shown(version, request.user, number, key, {"line": start})
        if "show" not in request.POST:
            editor = editing.of_line(request.POST.get("json", ""))
            if editor.found:
                return _form(request, version, number, editor, waiting, status=422, **more)
            return _put(request, version, key, {"row": editor.row, "number": number, "is_line": True}, editor, more)
    elif mask_text(start) != start:
        return _form(request, version, number, None, waiting, masked=mask_text(start), **more)
    editor = editing.Editor({}, tab="json", as_json=start)
    return _form(request, version, number, editor, waiting, **more)


def _original(version: DatasetVersion, audit: Audit, number: int) -> tuple[dict[str, Any] | None, str]:
    """The row and its identity; None for a line that is no row."""
    try:
        record = editing.record_of(version, audit, number)
    except (DataError, OSError) as error:
        raise Http404(str(error)) from None
    return (None, "") if record is None else (record.row, record.row_id)


def _save(
    request: HttpRequest,
    version: DatasetVersion,
    user: User,
    number: int,
    key: str,
    original: dict[str, Any],
    editor: editing.Editor,
) -> HttpResponse:
    if editing.same(editor.row, original):
        baskets.of(version, user, "edit").filter(key=key).delete()
        messages.info(request, f"Row {number:,} is as it was: nothing waits for it.")
        return redirect("version_basket", version.dataset.project_id, version.pk)
    return _put(request, version, key, {"row": editor.row, "number": number}, editor, {})


def _put(
    request: HttpRequest,
    version: DatasetVersion,
    key: str,
    change: dict[str, Any],
    editor: editing.Editor,
    more: dict[str, Any],
) -> HttpResponse:
    assert isinstance(request.user, User)
    try:
        baskets.put(version, request.user, "edit", key, change)
    except baskets.Full as why:
        editor.found = str(why)
        return _form(request, version, change["number"], editor, None, status=422, **more)
    count = baskets.of(version, request.user).count()
    changes = "1 change is" if count == 1 else f"{count} changes are"
    messages.success(request, f"Kept. {changes} waiting; nothing is in a version until you apply them.")
    return redirect("version_basket", version.dataset.project_id, version.pk)


def _form(
    request: HttpRequest,
    version: DatasetVersion,
    number: int,
    editor: editing.Editor | None,
    waiting: Waiting | None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    assert isinstance(request.user, User)
    context = {
        "project": version.dataset.project,
        "version": version,
        "number": number,
        "editor": editor,
        "waiting": waiting,
        "waiting_count": baskets.of(version, request.user).count(),
        "shown_to": version.values_shown.filter(number=number).select_related("by")[:MOST_LOOKS],
        **more,
    }
    return render(request, "datasets_app/row_edit.html", context, status=status)


def _line(version: DatasetVersion, audit: Audit, change: dict[str, Any]) -> str | None:
    raw = editing.line_of(version, audit, int(change["number"])) if change.get("is_line") else None
    return None if raw is None else mask_text(raw)


def _basket(request: HttpRequest, version: DatasetVersion) -> HttpResponse:
    assert isinstance(request.user, User)
    waiting = baskets.of(version, request.user)
    edits, failed = [], ""
    try:
        audit = launching.audit_of(version)
        for one in waiting.filter(op="edit")[:MOST_BASKET]:
            record = editing.record_of(version, audit, int(one.data["number"]))
            after = mask_all(one.data["row"])
            if record is None:  # a line and a row have no words in common
                line = _line(version, audit, one.data)
                edits.append((one, [*previews.parts_of(line, None), *previews.parts_of(None, after)]))
            else:
                edits.append((one, previews.parts_of(mask_all(record.row), after)))
    except (launching.NotReady, DataError, OSError) as error:
        failed = str(error)
    context = {
        "project": version.dataset.project,
        "version": version,
        "edits": edits,
        "more": max(0, waiting.filter(op="edit").count() - MOST_BASKET),
        "resolved": waiting.filter(op="resolve").count(),
        "deduped": waiting.filter(op="dedupe").count(),
        "total": waiting.count(),
        "repair": baskets.under_way(version, request.user),
        "failed": failed,
    }
    return render(request, "datasets_app/basket.html", context)
