"""Rows for a spreadsheet: what was asked and what was answered, a cell each; longer conversations as JSON beside it."""

from __future__ import annotations

import json
from typing import Any

from engine.data.example import Example, turn_text
from engine.data.exports import cells

TITLE = "CSV"
ABOUT = "system, prompt, answer, rejected, label, messages; for a spreadsheet, formulas made harmless"
COLUMNS = ("system", "prompt", "answer", "rejected", "label", "messages")
HEAD = cells.line(COLUMNS)


def row(example: Example) -> dict[str, Any]:
    """Every example has a place: ``messages`` holds what the other cells cannot (more turns, tools)."""
    turns = [turn for turn in example.messages if turn["role"] != "system"]
    system = "\n".join(turn_text(turn) for turn in example.messages if turn["role"] == "system")
    asked = [turn_text(turn) for turn in turns if turn["role"] == "user"]
    last = turns[-1] if turns and turns[-1]["role"] == "assistant" else None
    answer = turn_text(last) if last else example.chosen
    whole = len(turns) > 2 or example.tools or any(turn.get("tool_calls") for turn in turns)
    return {
        "system": system,
        "prompt": asked[-1] if asked else "",
        "answer": answer if example.messages else example.text,
        "rejected": example.rejected,
        "label": example.label,
        "messages": json.dumps([dict(turn) for turn in example.messages], ensure_ascii=False) if whole else "",
    }


def write(made: dict[str, Any]) -> bytes:
    return cells.line(made[name] for name in COLUMNS)
