"""Is there enough to learn from, and to hold some back for judging?"""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "too_few_rows",
        "Few rows",
        "notice",
        "A narrow LoRA task wants 200 to 500 good rows, general behaviour about 1,000; with few rows held out, "
        "no difference can be shown.",
        "Collect more rows, or begin with few-shot prompting.",
    ),
)
NARROW, LEAST = 200, 16


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the audit counts the rows itself."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    if facts.usable >= NARROW:
        return
    finding = book.finding("too_few_rows")
    finding.count = facts.usable
    finding.extra |= {"threshold": NARROW, "measure": f"{facts.usable} usable rows"}
    if facts.usable < LEAST:
        finding.severity = "blocker"
