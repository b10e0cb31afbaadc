"""Conversations without the system turn that the others have, and conversations in which nobody asks."""

from __future__ import annotations

from array import array

import numpy as np

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen, with_roles

ABOUT = (
    About(
        "missing_system",
        "No system turn where the others have one",
        "notice",
        "The model learns two behaviours, one with a system prompt and one without; users may get the other one.",
        "Give these rows the same system turn, or take it out of all and set the project's system prompt.",
    ),
    About(
        "missing_user",
        "Nobody asks",
        "repair",
        "Without a user turn there is no prompt: the model learns to speak unasked; some templates refuse the row.",
        "Add the question, or drop the rows.",
    ),
)
# From this share of system turns on, a row without one is the odd one out.
SHARE = 0.5
_NO_TURNS, _WITH, _WITHOUT = 0, 1, 2


def start(options: Options) -> array[int]:
    """One byte a row: raw text, with a system turn, without one."""
    return array("B")


def look(state: array[int], batch: list[Seen], book: Book) -> None:
    state.extend([_NO_TURNS if not seen.roles else _WITH if "s" in seen.roles else _WITHOUT for seen in batch])
    for seen in with_roles(batch, lambda roles: "u" not in roles):
        book.flag("missing_user", seen.number, seen.line)


def hand_over(state: array[int]) -> array[int]:
    taken = array("B", state)
    del state[:]
    return taken


def take_over(state: array[int], part: array[int]) -> None:
    state.extend(part)


def conclude(state: array[int], book: Book, facts: Facts) -> None:
    kinds = np.frombuffer(state, dtype=np.uint8)
    without = np.flatnonzero(kinds == _WITHOUT)
    having = int((kinds == _WITH).sum())
    if not len(without) or having < SHARE * (having + len(without)):
        return
    numbers, lines = facts.columns["number"].values(), facts.columns["line"].values()
    for place in without:
        book.flag("missing_system", int(numbers[place]), int(lines[place]))
    book.finding("missing_system").extra |= {
        "measure": f"rows without a system turn where at least {SHARE:.0%} of the conversations have one"
    }
