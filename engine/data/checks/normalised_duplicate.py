"""Rows that are the same after NFKC, case folding, and dropping punctuation and white space."""

from __future__ import annotations

from collections import defaultdict

from engine.data.again import contents
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.columns import equal_groups
from engine.data.normalise import precise
from engine.data.seen import Seen, joined

ABOUT = (
    About(
        "normalised_duplicate",
        "Duplicates but for writing",
        "repair",
        "Case, punctuation or spacing differ and nothing else: they leak between splits as exact copies do.",
        "Remove all but the first of each.",
        "dedupe",
    ),
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the audit keeps a 64-bit key of each row's coarse form."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    """Exact copies are not counted again: of each set of them only the first takes part."""
    numbers, exact = facts.columns["number"].values(), facts.columns["content"].values()
    for places in equal_groups(facts.columns["coarse"]):
        firsts: dict[int, int] = {}
        for place in places:
            firsts.setdefault(int(exact[place]), place)
        if len(firsts) < 2:
            continue
        same: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, line, *parts in contents(facts, [int(numbers[place]) for place in firsts.values()]):
            same[precise(joined(*parts))].append((number, line))
        for rows in same.values():
            if len(rows) > 1:
                book.flag_group("normalised_duplicate", rows)
    if book.has("normalised_duplicate"):
        book.finding("normalised_duplicate").extra["measure"] = (
            "equal after NFKC, case folding, punctuation and white space"
        )
