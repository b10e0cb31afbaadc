"""Changes that a person gathered for a version and not applied yet. Applied, they are one operation of each kind."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from datasets_app.models import Audit, DatasetVersion
from datasets_app.review_models import Waiting
from engine.data.identities import Group, groups, identities
from engine.data.index import open_index

# What is chosen for a group of rows: a row's number to keep, none of them, or nothing is done.
NONE, SKIP = "none", "skip"
MOST_WAITING = 5000


class Full(Exception):
    """There is no room for more; the text says what to do."""


def put(version: DatasetVersion, user: User, op: str, key: str, data: dict[str, Any]) -> None:
    """One change, in place of an earlier one of the same row or group. Raises Full."""
    there = of(version, user)
    if there.count() >= MOST_WAITING and not there.filter(op=op, key=key).exists():
        raise Full(f"{MOST_WAITING:,} changes are waiting. Apply them first.")
    Waiting.objects.update_or_create(version=version, user=user, op=op, key=key, defaults={"data": data})


def of(version: DatasetVersion, user: User, op: str = "") -> QuerySet[Waiting]:
    waiting = Waiting.objects.filter(version=version, user=user)
    return waiting.filter(op=op) if op else waiting


def operations(version: DatasetVersion, audit: Audit, user: User, op: str = "") -> list[dict[str, Any]]:
    """What the basket asks of the engine, edits last: an edited row is named as it was."""
    waiting = list(of(version, user, op))
    made = []
    if choices := {one.key: one.data for one in waiting if one.op == "dedupe"}:
        made += _dedupe(audit, choices)
    if choices := {one.key: one.data for one in waiting if one.op == "resolve"}:
        made += _resolve(audit, choices)
    if edits := [{"row_id": one.key, "row": one.data["row"]} for one in waiting if one.op == "edit"]:
        made.append({"op": "edit", "edits": edits})
    return made


def all_groups(audit: Audit, code: str) -> list[Group]:
    with closing(open_index(audit.folder / "index.sqlite")) as connection:
        return groups(connection, code)


def _resolve(audit: Audit, choices: dict[str, Any]) -> list[dict[str, Any]]:
    """Groups are told to the engine by their numbers in this audit; one that was skipped is left out."""
    chosen: dict[str, int] = {}
    gone: list[int] = []
    for group in all_groups(audit, "conflicting_answers"):
        keep = choices.get(group.key, {}).get("keep", SKIP)
        if keep == NONE:
            gone += group.rows
        elif keep in group.rows:
            chosen[str(group.number)] = keep
    made: list[dict[str, Any]] = [{"op": "drop", "codes": [], "numbers": gone}] if gone else []
    return [*made, {"op": "resolve", "keep": None, "choices": chosen}] if chosen else made


def _dedupe(audit: Audit, choices: dict[str, Any]) -> list[dict[str, Any]]:
    """Every group decided: ``dedupe`` with the rows to keep. Else the rows of the decided groups that were not kept,
    by number, because a group that nobody looked at, or that may stay, is left alone."""
    known = all_groups(audit, "near_duplicate")
    kept = {group.number: choices.get(group.key, {}).get("keep", SKIP) for group in known}
    decided = [group for group in known if kept[group.number] in group.rows]
    gone = [number for group in decided for number in group.rows if number != kept[group.number]]
    if not gone:
        return []
    if len(decided) < len(known):
        return [{"op": "drop", "codes": [], "numbers": gone}]
    with closing(open_index(audit.folder / "index.sqlite")) as connection:
        ids = identities(connection, [kept[group.number] for group in known])
    return [{"op": "dedupe", "codes": ["near_duplicate"], "keep": "reviewed", "reviewed": sorted(ids.values())}]
