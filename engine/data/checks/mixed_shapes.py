"""Rows of more than one format in one file."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "mixed_shapes",
        "Mixed row shapes",
        "notice",
        "Two exports were joined; rows of another shape may be of another task or quality.",
        "Check that both belong here; otherwise keep one.",
    ),
)
# Shapes that train the same way: question and answer. The others each need their own method.
_ANSWERING = {"messages", "sharegpt", "alpaca", "prompt_completion", "classification", "evaluation", "slots"}


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the audit counts the formats itself."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    if len(facts.formats) < 2:
        return
    main = max(facts.formats, key=lambda name: (facts.formats[name], name))
    rows = facts.connection.execute(
        "select number, line, format from row where usable = 1 and format != ? order by number", (main,)
    )
    for number, line, name in rows.fetchall() if facts.usable < 100_000 else rows:
        book.flag("mixed_shapes", number, line, f"Read as {name}; most rows are {main}.")
    if not _ANSWERING.issuperset(facts.formats):
        book.finding("mixed_shapes").severity = "repair"
