"""Rows whose texts hold a whole template: its turns are put where turns of that shape belong."""

from __future__ import annotations

from typing import Any

from engine.data.errors import RowProblem
from engine.data.formats import detect, to_example
from engine.data.formats.prompt_completion import PAIRS
from engine.data.templates import has_marks, turns_of
from engine.data.turnlists import conversation_column, role_of, text_key, turn_like

_QUESTIONS = ("instruction", "text", "sentence", "utterance", "query", *dict.fromkeys(prompt for prompt, _ in PAIRS))
_ANSWERS = ("chosen", "rejected", *dict.fromkeys(answer for _, answer in PAIRS))
Said = list[tuple[str, str]]


def unwrapped(row: dict[str, Any]) -> dict[str, Any]:
    """The row with whole templates taken apart; the same row where that would not leave a row of a known shape."""
    try:
        name = detect(row)
        made = _from_text(row) if name == "text" else _conversation(_columns(row))
        if made is not row:
            to_example(made, detect(made))
    except RowProblem:
        return row
    return made


def _from_text(row: dict[str, Any]) -> dict[str, Any]:
    """Raw text that is a whole conversation becomes one: its trainer would learn the marks as text."""
    turns = _turns(row["text"])
    if turns is None or turns[0][0] == "assistant" or turns[-1][0] != "assistant":
        return row
    rest = {name: value for name, value in row.items() if name != "text"}
    return {"messages": [{"role": role, "content": said} for role, said in turns], **rest}


def _conversation(row: dict[str, Any]) -> dict[str, Any]:
    column = conversation_column(row)
    if column is None:
        return row
    made: list[Any] = []
    for turn in row[column]:
        said = turn.get(text_key(turn))
        turns = _turns(said)
        if turns is None or turns[-1][0] != role_of(turn) or (role_of(turn) != "user" and len(turns) > 1):
            made.append(turn)
        else:
            made += [turn_like(row[column], role, text) for role, text in turns[:-1]]
            made.append(turn | {text_key(turn): turns[-1][1]})
    return row if made == row[column] else row | {column: made}


def _columns(row: dict[str, Any]) -> dict[str, Any]:
    made = row
    for column in _QUESTIONS:
        turns = _turns(row.get(column))
        if turns is not None and turns[-1][0] == "user":
            single = len(turns) == 1
            asked = turns[0][1] if single else [{"role": role, "content": said} for role, said in turns]
            made = made | {column: asked}
    for column in _ANSWERS:
        turns = _turns(row.get(column))
        if turns is not None and len(turns) == 1 and turns[0][0] == "assistant":
            made = made | {column: turns[0][1]}
    return made


def _turns(text: Any) -> Said | None:
    return turns_of(text) if type(text) is str and has_marks(text) else None
