"""KTO rows: one answer and a thumb up or down (``label`` true or false, or 1 or 0)."""

from __future__ import annotations

import re
from typing import Any

from engine.data.errors import RowProblem
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
_WORDS |= {"1": True, "0": False}
# Words that judge an answer, but not which way for certain: whoever has them says it in a mapping.
_VERDICT = re.compile(
    r"good|bad|better|worse|yes|no|up|down|pos(?:itive)?|neg(?:ative)?|(?:dis)?liked?|thumbs?[ _-]?(?:up|down)|chosen"
    r"|accept(?:ed)?|reject(?:ed)?|(?:un)?desirable|(?:in)?correct|right|wrong|pass(?:ed)?|fail(?:ed)?|[👍👎+-]|[+-]?\d+(?:\.\d+)?"
)


def recognise(row: dict[str, Any]) -> bool:
    """A label that judges an answer, readable or not: one that is not is refused, never passed over."""
    if not _judges(row):
        return False
    return "messages" in row or "conversations" in row or recognise_alpaca(row) or _pair(row) is not None


def to_example(row: dict[str, Any]) -> Example:
    label = _thumb(row)
    if label is None:
        raise _unclear(row)
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
    value = _value(row)
    if type(value) is str:
        return _WORDS.get(value)
    return bool(value) if type(value) in (bool, int, float) and value in (0, 1) else None


def _value(row: dict[str, Any]) -> Any:
    return next((row[name] for name in THUMBS if name in row), None)


def _judges(row: dict[str, Any]) -> bool:
    """Is there a thumb, a number, or a word that judges? Other words (a category) are a column of their own, as an id
    is. A number is no such column: those that are 0 and 1 would be taken for thumbs and the others for none."""
    value = _value(row)
    if "label" not in row and value is not None:
        return True
    if type(value) is str:
        return value in _WORDS or _VERDICT.fullmatch(value.strip().casefold()) is not None
    return type(value) in (bool, int, float)


def _unclear(row: dict[str, Any]) -> RowProblem:
    name = next(name for name in THUMBS if name in row)
    found = f"{name!r} holds {str(row[name])[:40]!r} beside an answer: a thumb is true or false (or 1 or 0)."
    remedy = "Say which values mean good and which bad (read the file as KTO), or rename the column if it is no thumb."
    return RowProblem("unknown_shape", found, remedy)


def _pair(row: dict[str, Any]) -> tuple[str, str] | None:
    return next(((prompt, answer) for prompt, answer in PAIRS if prompt in row and answer in row), None)
