"""Rows that are the same in everything that is trained on."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.columns import equal_groups
from engine.data.seen import Seen

ABOUT = (
    About(
        "exact_duplicate",
        "Exact duplicates",
        "repair",
        "Copies are trained on several times, are learnt by heart, and leak from training into validation.",
        "Remove all but the first of each.",
        "dedupe",
    ),
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the audit keeps a 64-bit key of each row's content."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    numbers, lines = facts.columns["number"].values(), facts.columns["line"].values()
    for places in equal_groups(facts.columns["content"]):
        book.flag_group("exact_duplicate", [(int(numbers[place]), int(lines[place])) for place in places])
