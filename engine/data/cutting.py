"""Rows made to fit a length: turns left out from the start, a question shortened from its left, a text from its end.

``fits(row)`` says whether a row fits. A system turn and the answer always stay whole; a row for which that is too much
comes back as None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.data.budget import after_word, longest_end
from engine.data.formats.prompt_completion import PAIRS
from engine.data.turnlists import Turn, conversation_column, is_turns, role_of, text_key

Row = dict[str, Any]
FitsRow = Callable[[Row], bool]
# Columns that hold the question as text, by format; of Alpaca's two the input is cut before the instruction.
_QUESTIONS = {
    "alpaca": ("input", "instruction"),
    "classification": ("text", "sentence", "utterance", "input"),
    "evaluation": ("query", "context"),
    "preference": ("prompt", "instruction", "question", "query"),
    "prompt_completion": tuple(dict.fromkeys(prompt for prompt, _ in PAIRS)),
    "kto": ("input", "instruction", *dict.fromkeys(prompt for prompt, _ in PAIRS)),
}


def cut(row: Row, name: str, fits: FitsRow, guess: int) -> Row | None:
    """``row``, of the format ``name``, made to fit; ``guess`` is about how many characters fit."""
    column = conversation_column(row) or ("prompt" if is_turns(row.get("prompt")) else None)
    if column is not None:
        return _cut_turns(row, column, fits, guess)
    row = _cut_history(row, fits)
    for question in _QUESTIONS.get(name, ()):
        if fits(row):
            break
        if type(row.get(question)) is str and row[question].strip():
            row = _cut_text(row, question, fits, guess)
    return row if fits(row) else None


def parts(row: Row, fits: FitsRow, guess: int) -> Iterator[Row | None]:
    """A conversation as several rows, each beginning with its system turn and as many exchanges as fit; an exchange
    that is too long alone is cut (None: it cannot be). The parts no longer see what was said in those before."""
    column = conversation_column(row) or ""
    head, exchanges = _exchanges(row[column])
    held: list[Turn] = []
    for exchange in exchanges:
        if held and not fits(row | {column: [*head, *held, *exchange]}):
            yield _cut_turns(row | {column: head + held}, column, fits, guess)
            held = []
        held += exchange
    if any(role_of(turn) == "assistant" for turn in held):
        yield _cut_turns(row | {column: head + held}, column, fits, guess)


def _exchanges(turns: list[Turn]) -> tuple[list[Turn], list[list[Turn]]]:
    """The system turns at the start, and the rest from question to question."""
    first = next((place for place, turn in enumerate(turns) if role_of(turn) != "system"), len(turns))
    exchanges: list[list[Turn]] = []
    before = ""
    for turn in turns[first:]:
        role = role_of(turn) or ""
        if not exchanges or (role == "user" and before != "user"):
            exchanges.append([])
        exchanges[-1].append(turn)
        before = role
    return turns[:first], exchanges


def _cut_turns(row: Row, column: str, fits: FitsRow, guess: int) -> Row | None:
    """The earliest exchanges go first; of the last one the question is shortened."""
    if fits(row):
        return row
    head, exchanges = _exchanges(row[column])
    if column != "prompt" and not any(name in row for name in ("chosen", "completion", "preferred_output")):
        while exchanges and not any(role_of(turn) == "assistant" for turn in exchanges[-1]):
            exchanges.pop()  # a question without an answer teaches nothing
    if not exchanges:
        return None

    def from_exchange(place: int) -> Row:
        return row | {column: head + [turn for exchange in exchanges[place:] for turn in exchange]}

    low, high = 0, len(exchanges) - 1  # the first exchange from which all fits, or the last one
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(from_exchange(middle)) else (middle + 1, high)
    made = from_exchange(low)
    return made if fits(made) else _cut_question(made, column, len(head), fits, guess)


def _cut_question(row: Row, column: str, place: int, fits: FitsRow, guess: int) -> Row | None:
    turns: list[Turn] = row[column]
    turn = turns[place]
    key = text_key(turn)
    if role_of(turn) != "user" or type(turn.get(key)) is not str:
        return None

    def with_text(text: str) -> Row:
        return row | {column: [*turns[:place], turn | {key: text}, *turns[place + 1 :]]}

    made = with_text(_shortened(turn[key], lambda text: fits(with_text(text)), guess))
    return made if fits(made) else None


def _cut_history(row: Row, fits: FitsRow) -> Row:
    """Alpaca's earlier questions and answers, the oldest first."""
    history = row.get("history")
    while type(history) is list and history and not fits(row):
        history = history[1:]
        row = row | {"history": history}
    return row


def _cut_text(row: Row, column: str, fits: FitsRow, guess: int) -> Row:
    return row | {column: _shortened(row[column], lambda text: fits(row | {column: text}), guess)}


def _shortened(text: str, fits: Callable[[str], bool], guess: int) -> str:
    """The longest end that fits, from the start of a word; one character of it at least."""
    place = min(longest_end(text, lambda end: not end.strip() or fits(end), guess), len(text.rstrip()) - 1)
    later = text[after_word(text, place) :]
    return later if later.strip() and fits(later) else text[place:]
