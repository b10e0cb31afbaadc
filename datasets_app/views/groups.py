"""Groups of rows decided one by one: conflicting answers, and near-duplicates. Each choice is kept as it is made."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from datasets_app import baskets, conversations
from datasets_app.models import Audit, DatasetVersion
from datasets_app.views.marks import audit_or_404
from datasets_app.views.versions import get_version
from engine.data.browse import RowView, open_audit
from engine.data.errors import DataError
from engine.data.identities import Group, count_groups, groups
from engine.data.index import open_index
from engine.data.rowtable import Where
from projects_app.models import Role

MOST_SHOWN = 24
# Finding code → operation, title, what is asked of the person.
KINDS = {
    "conflicting_answers": ("resolve", "Conflicting answers", "Which answer is right?"),
    "near_duplicate": ("dedupe", "Near-duplicates", "Which of these rows is to stay?"),
}


@require_http_methods(["GET", "POST"])
def review(request: HttpRequest, project_id: int, version_id: int, code: str) -> HttpResponse:
    """GET ?group=N: one group. POST ``keep`` (a row's number, none or skip) keeps the choice in the person's basket and
    goes on to the next group."""
    found = get_version(request, project_id, version_id, Role.MEMBER)
    assert isinstance(request.user, User)
    if code not in KINDS:
        raise Http404("Groups of this finding are not reviewed one by one.")
    audit = audit_or_404(found)
    place = _place(request)
    total, group = _group(audit, code, place)
    here = reverse("version_groups", args=[project_id, version_id, code])
    if request.method == "GET" or group is None:
        return _page(request, found, audit, code, place, total, group)
    keep: Any = request.POST.get("keep", "")
    if keep not in (baskets.NONE, baskets.SKIP) or (keep == baskets.NONE and KINDS[code][0] == "dedupe"):
        keep = int(keep) if keep.isascii() and keep.isdigit() and len(keep) < 12 else None
        if keep not in group.rows:
            return HttpResponseBadRequest("This row is not in the group.")
    try:
        baskets.put(found, request.user, KINDS[code][0], group.key, {"keep": keep})
    except baskets.Full as why:
        messages.error(request, str(why))
    return redirect(f"{here}?group={place + 1 if place < total else place}")


def _place(request: HttpRequest) -> int:
    text = (request.POST if request.method == "POST" else request.GET).get("group", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1


def _group(audit: Audit, code: str, place: int) -> tuple[int, Group | None]:
    with closing(open_index(audit.folder / "index.sqlite")) as connection:
        return count_groups(connection, code), next(iter(groups(connection, code, place - 1, 1)), None)


def _page(
    request: HttpRequest,
    version: DatasetVersion,
    audit: Audit,
    code: str,
    place: int,
    total: int,
    group: Group | None,
) -> HttpResponse:
    assert isinstance(request.user, User)
    op, title, question = KINDS[code]
    mine = baskets.of(version, request.user, op)
    chosen = mine.filter(key=group.key).first() if group else None
    context: dict[str, Any] = {
        "project": version.dataset.project,
        "version": version,
        "code": code,
        "op": op,
        "title": title,
        "question": question,
        "place": place,
        "total": total,
        "decided": mine.count(),
        "keep": chosen.data["keep"] if chosen else None,
        "group": group,
    }
    if group is not None:
        context |= _rows(version, audit, group, op)
    return render(request, "datasets_app/group.html", context)


def _rows(version: DatasetVersion, audit: Audit, group: Group, op: str) -> dict[str, Any]:
    try:
        with open_audit(version.path, audit.folder) as view:
            rows = view.page(where=Where(numbers=group.rows), limit=MOST_SHOWN).rows
    except (DataError, OSError) as error:
        return {"failed": str(error)}
    known = [row for row in rows if row.example is not None]
    asked = _prompt(known[0]) if op == "resolve" and known else []
    choices: dict[Any, dict[str, Any]] = {}
    for row in known:
        turns = _answer(row) if op == "resolve" else _all(row)
        # Rows with one answer are one choice: the repair keeps them all.
        key = tuple(turn["text"] for turn in turns) if op == "resolve" else row.number
        choices.setdefault(key, {"row": row, "turns": turns, "others": []})["others"].append(row)
    for choice in choices.values():
        choice["numbers"] = [row.number for row in choice["others"]]
        choice["others"] = choice["others"][1:]
    return {"asked": asked, "choices": list(choices.values()), "hidden": len(group.rows) - len(known)}


def _prompt(row: RowView) -> list[dict[str, Any]]:
    turns = _all(row)
    answer = next((place for place, turn in enumerate(turns) if turn["is_answer"]), len(turns))
    return turns[:answer]


def _answer(row: RowView) -> list[dict[str, Any]]:
    return _all(row)[len(_prompt(row)) :]


def _all(row: RowView) -> list[dict[str, Any]]:
    return conversations.turns(row.example) if row.example else []
