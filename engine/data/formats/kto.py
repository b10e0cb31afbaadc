"""KTO rows: one answer and a thumb up or down (``label`` true or false)."""

from __future__ import annotations

from typing import Any

from engine.data.example import Example
from engine.data.formats.alpaca import recognise as recognise_alpaca
from engine.data.formats.alpaca import to_example as read_alpaca
from engine.data.formats.messages import to_example as read_chat
from engine.data.formats.prompt_completion import PAIRS, read_pair
from engine.data.formats.sharegpt import to_example as read_sharegpt
from engine.data.formats.turns import read_tools

NAME = "kto"
TITLE = "Answer with a thumb (KTO)"
COLUMNS = "prompt, completion, label (true or false)"

THUMBS = ("label", "kto_tag")
# Tables hold text only, and Python writes its words with a capital.
_WORDS = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}


def recognise(row: dict[str, Any]) -> bool:
    if _thumb(row) is None:
        return False
    return "messages" in row or "conversations" in row or recognise_alpaca(row) or _pair(row) is not None


def to_example(row: dict[str, Any]) -> Example:
    label = _thumb(row)
    pair = _pair(row)
    if "messages" in row:
        messages = read_chat(row).messages
    elif recognise_alpaca(row):
        messages = read_alpaca(row).messages
    elif "conversations" in row or pair is None:
        messages = read_sharegpt(row).messages
    else:
        messages = read_pair(row, *pair)
    return Example(NAME, messages, label=label, tools=read_tools(row))


def _thumb(row: dict[str, Any]) -> bool | None:
    value = next((row[name] for name in THUMBS if name in row), None)
    return _WORDS.get(value) if type(value) is str else value if type(value) is bool else None


def _pair(row: dict[str, Any]) -> tuple[str, str] | None:
    return next(((prompt, answer) for prompt, answer in PAIRS if prompt in row and answer in row), None)
