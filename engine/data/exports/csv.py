"""Rows for a spreadsheet: what was asked and what was answered, a cell each; longer conversations as JSON beside it."""

from __future__ import annotations

import json
from typing import Any

from engine.data.example import Example, turn_text
from engine.data.exports import cells

TITLE = "CSV"
ABOUT = "system, prompt, answer, rejected, label, messages, tools; for a spreadsheet, formulas made harmless"
COLUMNS = ("system", "prompt", "answer", "rejected", "label", "messages", "tools")
HEAD = cells.line(COLUMNS)
# A table with one of these headings came from here, and is read as it went out; the second had no tools yet.
HEADINGS = (COLUMNS, COLUMNS[:-1])


def row(example: Example) -> dict[str, Any]:
    """Every example has a place: ``messages`` holds all turns where the other cells cannot."""
    turns = [turn for turn in example.messages if turn["role"] != "system"]
    system = "\n".join(turn_text(turn) for turn in example.messages if turn["role"] == "system")
    asked = [turn_text(turn) for turn in turns if turn["role"] == "user"]
    last = turns[-1] if turns and turns[-1]["role"] == "assistant" else None
    answer = turn_text(last) if last else example.chosen
    whole = bool(example.messages) and list(example.messages) != _turns(system, asked[-1] if asked else "", answer)
    return {
        "system": system,
        "prompt": asked[-1] if asked else "",
        "answer": answer if example.messages else example.text,
        "rejected": example.rejected,
        "label": example.label,
        "messages": json.dumps([dict(turn) for turn in example.messages], ensure_ascii=False) if whole else "",
        "tools": json.dumps(example.tools, ensure_ascii=False) if example.tools else "",
    }


def write(made: dict[str, Any]) -> bytes:
    return cells.line(made[name] for name in COLUMNS)


def back(row: dict[str, str]) -> dict[str, Any]:
    """A record of such a table as the row it was. Cells that are no JSON where JSON belongs stay text: the reader then
    names them."""
    told = {name: cells.as_it_was(text) for name, text in row.items()}
    turns = _json(told["messages"]) or _turns(told["system"], told["prompt"], told["answer"])
    beside = {"tools": _json(told["tools"])} if told.get("tools") else {}
    if not told["messages"] and not told["prompt"]:
        return {"text": told["answer"]}
    if type(turns) is not list or not (told["rejected"] or told["label"]):
        return {"messages": turns, **beside}
    asked, answer = turns[:-1], turns[-1:]
    if told["rejected"]:
        rejected = [{"role": "assistant", "content": told["rejected"]}]
        return {"prompt": asked, "chosen": answer, "rejected": rejected, **beside}
    return {"prompt": asked, "completion": answer, "label": told["label"], **beside}


def _turns(system: str, prompt: str, answer: str | None) -> list[dict[str, Any]]:
    said = [("user", prompt), ("assistant", answer or "")]
    if system:
        said.insert(0, ("system", system))
    return [{"role": role, "content": text} for role, text in said]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
