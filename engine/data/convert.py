"""A row of one format written in another, for files that are put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.data.errors import RowProblem
from engine.data.example import Example
from engine.data.exports import alpaca, openai, sharegpt, trl
from engine.data.exports.limits import THUMB, TOOLS, Inexpressible, need_turns
from engine.data.formats import detect, load, to_example

_PREFERENCE = "two answers to choose from"


def converted(row: dict[str, Any], target: str) -> dict[str, Any]:
    """The row in the format ``target``; the same row when it is in it already, or ``target`` is
    empty. Columns that no format knows are left
    behind on the way. Raises RowProblem for a row that cannot be read, Inexpressible for one that ``target`` has no
    place for."""
    name = detect(row)
    example = to_example(row, name)
    if name == target or not target:
        return row
    if target not in _WRITERS:
        raise Inexpressible(f"rows of the form {load(name).TITLE}")
    made = _WRITERS[target](example)
    try:
        if detect(made) != target:
            raise Inexpressible(f"rows of the form {load(name).TITLE}")
        to_example(made, target)
    except RowProblem:
        raise Inexpressible(f"rows of the form {load(name).TITLE}") from None
    return made


def _one_answer(write: Callable[[Example], dict[str, Any]]) -> Callable[[Example], dict[str, Any]]:
    """For shapes that teach each answer as right: what a thumb or a preference says would be lost."""

    def checked(example: Example) -> dict[str, Any]:
        if example.rejected is not None:
            raise Inexpressible(_PREFERENCE)
        if example.label is not None:
            raise Inexpressible(THUMB)
        return write(example)

    return checked


def _pair(example: Example) -> dict[str, Any]:
    """prompt and completion as text; a system prompt beside them."""
    need_turns(example)
    turns = list(example.messages)
    system = turns.pop(0)["content"] if turns[0]["role"] == "system" else ""
    if example.tools or any(turn.get("tool_calls") for turn in turns):
        raise Inexpressible(TOOLS)
    if [turn["role"] for turn in turns] != ["user", "assistant"]:
        raise Inexpressible("a conversation of several turns")
    made = {"prompt": turns[0]["content"], "completion": turns[1]["content"]}
    return made | ({"system": system} if system else {})


def _text(example: Example) -> dict[str, Any]:
    if example.text is None:
        raise Inexpressible("turns, which raw text would show without a template")
    return {"text": example.text}


def _preference(example: Example) -> dict[str, Any]:
    if example.rejected is None:
        raise Inexpressible("one answer where two are compared")
    return trl.row(example)


def _thumb(example: Example) -> dict[str, Any]:
    if example.label is None:
        raise Inexpressible("an answer without a thumb")
    return trl.row(example)


# Classes, marked values and answers to choose from mean something of their own: no other row becomes one of them.
_WRITERS: dict[str, Callable[[Example], dict[str, Any]]] = {
    "messages": _one_answer(openai.row),
    "sharegpt": _one_answer(sharegpt.row),
    "alpaca": _one_answer(alpaca.row),
    "prompt_completion": _one_answer(_pair),
    "text": _text,
    "preference": _preference,
    "kto": _thumb,
}
