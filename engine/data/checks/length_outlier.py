"""Rows far longer than the rest."""

from __future__ import annotations

import numpy as np

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "length_outlier",
        "Unusually long rows",
        "notice",
        "One very long row decides the memory and time of its batch; often two rows ran together.",
        "Look at them; cut or split what is not one example.",
    ),
)
LEAST_ROWS = 50
SPREADS = 3.0
TIMES_MEDIAN = 4


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the audit keeps each row's length in characters."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    """Tukey's far fence on the logarithm of the length (lengths are skewed), and four times the median."""
    lengths = facts.columns["characters"].values()
    if len(lengths) < LEAST_ROWS:
        return
    low, median, high = np.log(np.maximum(1, np.percentile(lengths, [25, 50, 75])))
    fence = max(float(np.exp(high + SPREADS * (high - low))), TIMES_MEDIAN * float(np.exp(median)))
    numbers, lines = facts.columns["number"].values(), facts.columns["line"].values()
    for place in np.flatnonzero(lengths > fence).tolist():
        book.flag("length_outlier", int(numbers[place]), int(lines[place]), f"{int(lengths[place]):,} characters.")
    if book.has("length_outlier"):
        book.finding("length_outlier").extra["threshold"] = f"{fence:,.0f} characters"
