"""Rows longer than cutoff_len: their end is cut off in training."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "over_cutoff",
        "Longer than the cutoff",
        "notice",
        "What lies beyond cutoff_len is cut off silently: the model never sees how these answers end.",
        "Raise cutoff_len if memory allows, or cut or split these rows.",
    ),
)


def start(options: Options) -> int:
    return options.cutoff_len if options.has_tokens else 0


def look(state: int, batch: list[Seen], book: Book) -> None:
    if state:
        for seen in batch:
            if seen.tokens > state:
                book.flag("over_cutoff", seen.number, seen.line, f"{seen.tokens:,} tokens.")


def conclude(state: int, book: Book, facts: Facts) -> None:
    if book.has("over_cutoff"):
        finding = book.finding("over_cutoff")
        finding.extra["threshold"] = f"{state} tokens"
        if finding.count * 20 > facts.usable:  # one row in twenty: training would see another data set
            finding.severity = "repair"
