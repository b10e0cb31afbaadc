"""Utterances with marked spans, as dialogue corpora label their slots: text in, the marked values out as JSON."""

from __future__ import annotations

import json
from typing import Any

from engine.data.errors import RowProblem
from engine.data.example import Example
from engine.data.formats.turns import empty_prompt, need_text, user_and_answer, wrong_type

NAME = "slots"
TITLE = "Text with marked values (slots)"
COLUMNS = "userInput (text), labels (slot, valueSpan)"


def recognise(row: dict[str, Any]) -> bool:
    spoken = row.get("userInput")
    return type(spoken) is dict and "text" in spoken


def to_example(row: dict[str, Any]) -> Example:
    """The answer is one JSON object, slot → text of the span; ``{}`` where nothing is marked. A slot that is marked
    several times has a list."""
    text = need_text(row["userInput"], "text")
    if not text.strip():
        raise empty_prompt("userInput.text")
    labels = row.get("labels") or []
    if type(labels) is not list:
        raise wrong_type("labels", labels, "a list of marked spans")
    found: dict[str, Any] = {}
    for place, label in enumerate(labels):
        slot, value = _read(label, f"labels[{place}]", text)
        if slot in found:
            found[slot] = [*(found[slot] if type(found[slot]) is list else [found[slot]]), value]
        else:
            found[slot] = value
    return Example(NAME, user_and_answer(text, json.dumps(found, ensure_ascii=False)))


def _read(label: Any, where: str, text: str) -> tuple[str, str]:
    if type(label) is not dict or type(label.get("slot")) is not str or type(label.get("valueSpan")) is not dict:
        raise wrong_type(where, label, "an object with slot and valueSpan")
    span = label["valueSpan"]
    start, end = span.get("startIndex", 0), span.get("endIndex")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        found = f"{where} marks the characters {str(start)[:20]} to {str(end)[:20]} of a text of {len(text)}."
        raise RowProblem("wrong_type", found, "Correct startIndex and endIndex, or remove the mark.")
    return label["slot"], text[start:end]
