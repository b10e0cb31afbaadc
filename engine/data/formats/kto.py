"""KTO rows: one answer and a thumb up or down (``label`` true or false)."""

from __future__ import annotations

from typing import Any

from engine.data.example import Example
from engine.data.formats.messages import to_example as read_chat
from engine.data.formats.prompt_completion import PAIRS, read_pair
from engine.data.formats.sharegpt import to_example as read_sharegpt
from engine.data.formats.turns import read_tools

NAME = "kto"
TITLE = "Answer with a thumb (KTO)"
COLUMNS = "prompt, completion, label (true or false)"

THUMBS = ("label", "kto_tag")


def recognise(row: dict[str, Any]) -> bool:
    thumb = next((name for name in THUMBS if name in row), None)
    if thumb is None or type(row[thumb]) is not bool:
        return False
    return "messages" in row or "conversations" in row or _pair(row) is not None


def to_example(row: dict[str, Any]) -> Example:
    label = bool(row[next(name for name in THUMBS if name in row)])
    pair = _pair(row)
    if "messages" in row:
        messages = read_chat(row).messages
    elif "conversations" in row or pair is None:
        messages = read_sharegpt(row).messages
    else:
        messages = read_pair(row, *pair)
    return Example(NAME, messages, label=label, tools=read_tools(row))


def _pair(row: dict[str, Any]) -> tuple[str, str] | None:
    return next(((prompt, answer) for prompt, answer in PAIRS if prompt in row and answer in row), None)
