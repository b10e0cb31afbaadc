"""Decisions about drafts, and editing one: its texts, one field each."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from datasets_app import conversations
from drafts_app.models import TAKEN, DraftBatch, DraftRow, State
from engine.data.browse import shown
from engine.data.errors import RowProblem
from engine.data.formats import detect, to_example
from engine.data.mask import mask_text
from engine.data.repairs.redact import redact
from engine.drafting.judging import Judge
from engine.drafting.parsing import SOURCE, read_row
from engine.drafting.seeds import ALL_KINDS

MOST_TEXTS = 60
# What names a turn or a source is no text to edit.
_FIXED = frozenset({"role", "from", SOURCE})
Path = tuple[str | int, ...]


def decide(batch: DraftBatch, numbers: list[int], state: State, user: User) -> int:
    """Sets the state of drafts that no version has yet; returns how many. Back to waiting undoes a decision."""
    open_rows = batch.open_rows().filter(number__in=numbers)
    by: dict[str, Any] = {"decided_by": user, "decided_at": timezone.now()}
    if state == State.WAITING:
        by = {"decided_by": None, "decided_at": None, "edited": None}
    if state == State.ACCEPTED:  # one that was edited stays as it was edited
        again = open_rows.filter(edited__isnull=False).update(state=State.EDITED, **by)
        return again + open_rows.filter(edited__isnull=True).update(state=state, **by)
    return open_rows.update(state=state, **by)


def counts(batch: DraftBatch) -> dict[str, int]:
    """State → drafts, and ``flagged``: those waiting that something was flagged on."""
    found = {state.value: 0 for state in State}
    for state in batch.rows.values_list("state", flat=True):
        found[state] += 1
    found["flagged"] = batch.rows.filter(state=State.WAITING).exclude(flags=[]).count()
    found["taken"] = sum(found[state] for state in TAKEN)
    return found


def as_card(draft: DraftRow) -> dict[str, Any]:
    """A draft as its card shows it: masked, long texts folded."""
    row = draft.now
    turns: list[dict[str, Any]] = []
    if row is not None:
        try:
            turns = conversations.turns(shown(to_example(row, detect(row))))
        except RowProblem:
            turns = []
    return {"draft": draft, "turns": turns, "raw": mask_text(draft.raw), "problem": mask_text(draft.problem)}


def texts(draft: DraftRow) -> list[dict[str, Any]]:
    """What can be edited: {name, label, text, rows} of each text. Personal data is replaced by placeholders."""
    base = _base(draft)
    return [
        {"name": f"text-{place}", "label": _label(path, base), "text": text, "rows": min(16, 2 + len(text) // 90)}
        for place, (path, text) in enumerate(_leaves(base))
    ]


def has_personal(draft: DraftRow) -> bool:
    return draft.now is not None and _base(draft) != draft.now


def save_edit(draft: DraftRow, given: dict[str, str], user: User) -> str:
    """Takes over the edited texts and accepts the draft. Returns what is wrong with them, or nothing."""
    row = copy.deepcopy(_base(draft))
    for place, (path, text) in enumerate(_leaves(row)):
        new = given.get(f"text-{place}", text).replace("\r\n", "\n").replace("\x00", "")
        _put(row, path, new)
    candidate = read_row({name: value for name, value in row.items() if name != SOURCE})
    if candidate.row is None or candidate.example is None:
        return candidate.problem
    draft.edited = candidate.row if candidate.row != draft.row else None
    draft.state = State.EDITED if draft.edited is not None else State.ACCEPTED
    draft.flags = [dict(flag) for flag in Judge([]).judge(candidate.example, draft.number)]
    draft.decided_by, draft.decided_at = user, timezone.now()
    draft.save(update_fields=["edited", "state", "flags", "decided_by", "decided_at"])
    return ""


def _base(draft: DraftRow) -> dict[str, Any]:
    return redact(draft.now or {}, ALL_KINDS)


def _leaves(value: Any) -> list[tuple[Path, str]]:
    return list(islice(_walk(value, ()), MOST_TEXTS))


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        if not (path and path[-1] in _FIXED):
            yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _walk(item, (*path, place))


def _put(row: Any, path: Path, text: str) -> None:
    *way, last = path
    for step in way:
        row = row[step]
    row[last] = text


def _label(path: Path, row: Any) -> str:
    """``Turn 2, assistant`` for a turn; the way to the text for anything else."""
    around = row
    for step in path[:-1]:
        around = around[step]
    role = around.get("role") or around.get("from") if isinstance(around, dict) else None
    if isinstance(role, str) and path[-1] in ("content", "value") and isinstance(path[-2], int):
        return f"Turn {path[-2] + 1}, {role}"[:80]
    return " ".join(str(step + 1) if isinstance(step, int) else step for step in path)[:80].capitalize()
