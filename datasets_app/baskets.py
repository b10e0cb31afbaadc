"""Changes that a person gathered for a version and not applied yet. Applied, they are one operation of each kind."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from datasets_app import launching
from datasets_app.models import Audit, DatasetVersion, Repair
from datasets_app.review_models import Waiting
from engine.data.errors import DataError
from engine.data.identities import Group, groups
from engine.data.index import open_index
from engine.data.repair import taken_away
from runs_app.models import ENDED

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
    # A repair that is at work has the change as it was before: this one waits for the next.
    fields = {"data": data, "repair": None}
    Waiting.objects.update_or_create(version=version, user=user, op=op, key=key, defaults=fields)


def apply(version: DatasetVersion, user: User, op: str = "") -> Repair:
    """Starts the repair that makes one version of what waits. The changes stay in the basket until that version exists:
    a run that fails or is stopped loses nothing. Raises NotReady, DataError."""
    audit = launching.audit_of(version)
    taken = list(of(version, user, op))
    made = operations(audit, taken)
    if not made:
        raise launching.NotReady("Nothing that waits here changes a row.")
    _refuse_edits_of_rows_that_go(version, audit, made, of(version, user, "edit"))
    with transaction.atomic():
        repair = launching.start_repair(version, made, user)
        # Not what was put in by another tab since the basket was read: it is in no operation.
        of(version, user, op).filter(at__lte=max(one.at for one in taken)).update(repair=repair)
        if repair.child_id is not None:  # the same changes were applied before
            applied(repair)
    return repair


def applied(repair: Repair) -> None:
    """The version is there: what it was made of waits no longer. What was changed meanwhile does."""
    Waiting.objects.filter(repair=repair).delete()


def under_way(version: DatasetVersion, user: User) -> Repair | None:
    """The newest repair that is making a version of changes in this basket."""
    mine = Repair.objects.filter(waiting__in=of(version, user)).exclude(run__status__in=ENDED)
    return mine.select_related("run").order_by("-id").first()


def _refuse_edits_of_rows_that_go(
    version: DatasetVersion, audit: Audit, made: list[dict[str, Any]], edits: QuerySet[Waiting]
) -> None:
    """The run would find it too, after the person has gone. Raises DataError that names the rows."""
    others = [operation for operation in made if operation["op"] != "edit"]
    if not others or len(others) == len(made):
        return
    ids = [edit.key for edit in edits if not edit.data.get("is_line")]
    gone = taken_away(version.path, audit.folder, others, ids)
    if numbers := sorted(edit.data["number"] for edit in edits if edit.key in gone):
        named = ", ".join(f"{number:,}" for number in numbers[:5]) + (" and others" if len(numbers) > 5 else "")
        rows = f"Row {named} is" if len(numbers) == 1 else f"Rows {named} are"
        raise DataError(
            f"{rows} edited, and also taken away by what you chose in a group.",
            "Take the edit out, or choose again in the group. Nothing was applied and nothing is lost.",
        )


def of(version: DatasetVersion, user: User, op: str = "") -> QuerySet[Waiting]:
    waiting = Waiting.objects.filter(version=version, user=user)
    return waiting.filter(op=op) if op else waiting


def operations(audit: Audit, waiting: list[Waiting]) -> list[dict[str, Any]]:
    """What these changes ask of the engine, edits last: an edited row is named as it was."""
    made = []
    if choices := {one.key: one.data for one in waiting if one.op == "dedupe"}:
        made += _dedupe(audit, choices)
    if choices := {one.key: one.data for one in waiting if one.op == "resolve"}:
        made += _resolve(audit, choices)
    if edits := [_edit(one) for one in waiting if one.op == "edit"]:
        made.append({"op": "edit", "edits": edits})
    return made


def _edit(one: Waiting) -> dict[str, Any]:
    """A line that is no row has no identity: it is named by its number."""
    where = {"number": one.data["number"]} if one.data.get("is_line") else {"row_id": one.key}
    return {**where, "row": one.data["row"]}


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
    """The rows of the decided groups that were not kept, by number: a person chose them, however alike they are. A
    group that nobody looked at, or that may stay, is left alone."""
    known = all_groups(audit, "near_duplicate")
    kept = {group.number: choices.get(group.key, {}).get("keep", SKIP) for group in known}
    decided = [group for group in known if kept[group.number] in group.rows]
    gone = [number for group in decided for number in group.rows if number != kept[group.number]]
    return [{"op": "drop", "codes": [], "numbers": gone}] if gone else []
