"""Raw text for continued pre-training."""

from __future__ import annotations

from typing import Any

from engine.data.example import Example
from engine.data.formats.turns import empty_answer, need_text

NAME = "text"
TITLE = "Raw text"
COLUMNS = "text"


def recognise(row: dict[str, Any]) -> bool:
    return "text" in row


def to_example(row: dict[str, Any]) -> Example:
    text = need_text(row, "text")
    if not text.strip():
        raise empty_answer("text")
    return Example(NAME, text=text)
