"""Rows as a page shows them: the turns of a conversation, long ones folded, copies of one row together."""

from __future__ import annotations

import json
from typing import Any

from datasets_app import reports
from engine.data.browse import RowView
from engine.data.example import Example, turn_text

# Longer texts are folded; the browser is never sent more than MOST of one.
LONG = 900
MOST = 8000
MOST_TURNS = 40


def shown(rows: list[RowView], *, code: str, grouped: bool) -> list[dict[str, Any]]:
    """``starts_group`` marks the first row of each group of duplicates, in a list ordered by group; ``also`` are the
    findings of a row that the list (of the finding ``code``) does not already say."""
    result: list[dict[str, Any]] = []
    last: int | None = None
    for row in rows:
        group = row.group if grouped else None
        result.append(
            {
                "row": row,
                "turns": turns(row.example) if row.example else [],
                "starts_group": group is not None and group != last,
                "group": group,
                "also": _also(row, code),
            }
        )
        last = group
    return result


def _also(row: RowView, code: str) -> list[tuple[str, str, str]]:
    """(code, title, note) of each finding; a note that the row's own problem tells already is left out."""
    known = reports.titles()
    told = row.problem.found if row.problem else ""
    findings = [(name, known.get(name, name), "" if note == told else note) for name, note in row.findings]
    return [finding for finding in findings if finding[0] != code or finding[2]]


def turns(example: Example) -> list[dict[str, Any]]:
    """Role and text of each turn; the answer is marked. A preference shows both answers, raw text is one turn."""
    if example.text is not None and not example.messages:
        return [_turn("text", example.text)]
    answer = example.answer_index
    told = [
        _turn(str(message.get("role", "")), turn_text(message), is_answer=place == answer)
        for place, message in enumerate(example.messages[:MOST_TURNS])
    ]
    if len(example.messages) > MOST_TURNS:
        told.append(_turn("…", f"{len(example.messages) - MOST_TURNS} more turns"))
    if example.chosen is not None and answer < 0:
        told.append(_turn("chosen", example.chosen, is_answer=True))
    if example.rejected is not None:
        told.append(_turn("rejected", example.rejected))
    if example.label is not None:
        told.append(_turn("label", "good" if example.label else "bad"))
    if example.tools:
        told.insert(0, _turn("tools", json.dumps(example.tools, ensure_ascii=False)))
    return told


def _turn(role: str, text: str, *, is_answer: bool = False) -> dict[str, Any]:
    cut = len(text) > MOST
    return {
        "role": role,
        "text": text[:MOST] + ("…" if cut else ""),
        "is_long": len(text) > LONG or text.count("\n") > 16,
        "hidden": len(text) - MOST if cut else 0,
        "is_answer": is_answer,
    }
