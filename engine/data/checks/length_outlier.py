"""Rows and answers far longer than the rest, and answers far shorter."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "length_outlier",
        "Unusual lengths",
        "notice",
        "One very long row decides the memory and time of its batch, and often two rows ran together; an answer of two "
        "words among long ones teaches the model to break off.",
        "Look at them; cut or split what is not one example, and write out the answers that are too short.",
    ),
)
LEAST_ROWS = 50
SPREADS = 3.0
TIMES_MEDIAN = 4
# Of short answers more than this are a kind of their own (yes, no), not strays.
MOST_SHORT = 0.05
# Answers are judged where they are prose: a long one has this many characters, and short ones stand among such.
LEAST_LONG, LEAST_MEDIAN = 200, 100
LONG_ROW, LONG_ANSWER, SHORT_ANSWER = "long row", "long answer", "short answer"


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the audit keeps each row's and each answer's length in characters."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    """Tukey's far fences on the logarithm of the length (lengths are skewed), and four times the median either way."""
    lengths, answers = facts.columns["characters"].values(), facts.columns["answered"].values()
    found: dict[int, tuple[str, int]] = {}
    limits = []
    for kind, values, places, limit in _strays(lengths, answers):
        limits.append(f"{kind}: {limit:,.0f} characters")
        for place in places.tolist():
            found.setdefault(place, (kind, int(values[place])))
    numbers, lines = facts.columns["number"].values(), facts.columns["line"].values()
    for place, (kind, length) in sorted(found.items()):
        of = "" if kind == LONG_ROW else " of answer"
        book.flag("length_outlier", int(numbers[place]), int(lines[place]), f"{length:,} characters{of}.", kind)
    if found:
        book.finding("length_outlier").extra |= {
            "measure": "Tukey's far fences of the logarithm of the length, and four times the median, of rows and of "
            "answers",
            "threshold": "; ".join(limits),
        }


def _strays(
    lengths: NDArray[np.uint64], answers: NDArray[np.uint64]
) -> Iterator[tuple[str, NDArray[np.uint64], NDArray[np.int64], float]]:
    """(kind, the lengths, the places of those beyond the limit, the limit)."""
    if len(lengths) < LEAST_ROWS:
        return
    _, top = _fences(lengths)
    yield LONG_ROW, lengths, np.flatnonzero(lengths > top), top
    given = answers[answers > 0]
    if len(given) < LEAST_ROWS:
        return
    bottom, top = _fences(given)
    top = max(top, LEAST_LONG)
    yield LONG_ANSWER, answers, np.flatnonzero(answers > top), top
    if np.median(given) < LEAST_MEDIAN:
        return
    short = np.flatnonzero((answers > 0) & (answers < bottom))
    if len(short) <= MOST_SHORT * len(given):
        yield SHORT_ANSWER, answers, short, bottom


def _fences(lengths: NDArray[np.uint64]) -> tuple[float, float]:
    low, median, high = np.log(np.maximum(1, np.percentile(lengths, [25, 50, 75])))
    spread, middle = SPREADS * (high - low), float(np.exp(median))
    return min(float(np.exp(low - spread)), middle / TIMES_MEDIAN), max(
        float(np.exp(high + spread)), TIMES_MEDIAN * middle
    )
