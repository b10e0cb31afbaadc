"""Classification rows: a text and the class it belongs to, by one person or by several."""

from __future__ import annotations

from typing import Any

from engine.data.example import Example
from engine.data.formats.annotators import is_annotated, majority, opinions
from engine.data.formats.turns import empty_answer, empty_prompt, need_text, user_and_answer, wrong_type

NAME = "classification"
TITLE = "Text and label"
COLUMNS = "text, label"

TEXTS = ("text", "sentence", "utterance", "input")
LABELS = ("sentiment", "emotion", "label", "category", "intent", "class", "label_text")


def recognise(row: dict[str, Any]) -> bool:
    return any(name in row for name in TEXTS) and (any(name in row for name in LABELS) or is_annotated(row))


def to_example(row: dict[str, Any]) -> Example:
    """Where a row has a label beside those of several people, that one is the answer: it was decided on."""
    field = next(name for name in TEXTS if name in row)
    column = next((name for name in reversed(LABELS) if name in row), "labels")
    text, given = need_text(row, field), opinions(row)
    label = row[column] if column in LABELS else majority(given)
    if not text.strip():
        raise empty_prompt(field)
    if label is None or label == "":
        raise empty_answer(column)
    if type(label) not in (str, int, bool):
        raise wrong_type(column, label, "text or a whole number")
    return Example(NAME, user_and_answer(text, str(label)), annotations=given)
