"""Answers of another form than most: prose among JSON, or JSON with other keys."""

from __future__ import annotations

from array import array
from collections import Counter

import msgspec
import numpy as np

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "mixed_answer_formats",
        "Answers of another form",
        "repair",
        "A program that reads the answers breaks on the few that differ, and the model learns both forms.",
        "Bring the answers into one form, or drop those that differ.",
    ),
)
# A form counts as the file's own when this share of its answers has it.
OWN = 0.8
TEXT = 0
MOST_FORMS = 60_000


class _State:
    """The form of each row's answer: 0 for text, else a number for a set of JSON keys."""

    def __init__(self) -> None:
        self.forms: dict[tuple[str, ...], int] = {}
        self.of_row = array("H")
        self.decode = msgspec.json.Decoder()


def start(options: Options) -> _State:
    return _State()


def look(state: _State, batch: list[Seen], book: Book) -> None:
    state.of_row.extend([_form(state, seen.reply.strip()) for seen in batch])


def _form(state: _State, answer: str) -> int:
    if answer[:1] not in ("{", "["):
        return TEXT
    try:
        value = state.decode.decode(answer)
    except (msgspec.DecodeError, RecursionError):
        return TEXT
    return _number(state, tuple(sorted(map(str, value))) if isinstance(value, dict) else ("[]",))


def _number(state: _State, keys: tuple[str, ...]) -> int:
    if keys not in state.forms and len(state.forms) >= MOST_FORMS:
        return MOST_FORMS + 1
    return state.forms.setdefault(keys, len(state.forms) + 1)


def hand_over(state: _State) -> tuple[list[tuple[str, ...]], array[int]]:
    taken = (list(state.forms), state.of_row)
    state.forms, state.of_row = {}, array("H")
    return taken


def take_over(state: _State, part: tuple[list[tuple[str, ...]], array[int]]) -> None:
    forms, of_row = part
    numbers = {TEXT: TEXT, MOST_FORMS + 1: MOST_FORMS + 1}
    numbers |= {place: _number(state, keys) for place, keys in enumerate(forms, start=1)}
    state.of_row.extend([numbers[each] for each in of_row])


def conclude(state: _State, book: Book, facts: Facts) -> None:
    forms = np.frombuffer(state.of_row, dtype=np.uint16)
    if len(forms) < 2:
        return
    counts = Counter(dict(zip(*(part.tolist() for part in np.unique(forms, return_counts=True)), strict=True)))
    own, rows = min(counts.items(), key=lambda item: (-item[1], item[0]))
    json_rows = len(forms) - counts[TEXT]
    if own == TEXT or rows < OWN * json_rows:
        # No one set of keys: then only prose among JSON differs.
        odd = np.flatnonzero(forms == TEXT) if json_rows >= OWN * len(forms) else np.zeros(0, np.int64)
        most = "JSON"
    else:
        odd = np.flatnonzero(forms != own) if rows >= OWN * len(forms) else np.zeros(0, np.int64)
        keys = next(keys for keys, number in state.forms.items() if number == own)
        most = f"JSON with the keys {', '.join(keys)[:120]}" if keys != ("[]",) else "a JSON list"
    numbers, lines = facts.columns["number"].values(), facts.columns["line"].values()
    for place in odd.tolist():
        kind = "not JSON" if forms[place] == TEXT else "other keys"
        book.flag("mixed_answer_formats", int(numbers[place]), int(lines[place]), f"Most answers are {most}.", kind)
    if book.has("mixed_answer_formats"):
        book.finding("mixed_answer_formats").extra |= {
            "measure": "whether an answer is JSON, and its keys at the top",
            "threshold": f"{OWN:.0%} of the answers share the form",
            "cannot_see": "types and spelling of the values",
        }
