"""Is there enough to learn from, and to hold some back for judging?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Purpose:
    """What rows are for: below ``least`` there are too few, from ``good`` on there are enough."""

    key: str
    title: str
    least: int
    good: int
    source: str


PURPOSES = (
    Purpose("narrow", "one narrow task by LoRA", 200, 500, "rule of practice: 200 to 500 good rows"),
    Purpose("general", "general behaviour and tone", 500, 1000, "LIMA: 1,000 curated rows (Zhou and others 2023)"),
    Purpose("domain", "adapting to a domain", 2000, 5000, "rule of practice: thousands of rows"),
)
NARROW, LEAST = PURPOSES[0].least, 16


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the audit counts the rows itself."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    facts.sections["size"] = {"rows": facts.usable, "purposes": [_state(each, facts.usable) for each in PURPOSES]}
    if facts.usable >= NARROW:
        return
    finding = book.finding("too_few_rows")
    finding.count = facts.usable
    finding.extra |= {"threshold": NARROW, "measure": f"{facts.usable} usable rows: {_words(facts.usable)}"}
    if facts.usable < LEAST:
        finding.severity = "blocker"


def _state(purpose: Purpose, rows: int) -> dict[str, Any]:
    state = "enough" if rows >= purpose.good else "few" if rows >= purpose.least else "short"
    limits = {"least": purpose.least, "good": purpose.good, "source": purpose.source}
    return {"purpose": purpose.key, "title": purpose.title, **limits, "state": state}


def _words(rows: int) -> str:
    """What the count suffices for, and what it does not."""
    short = [f"{each.title} ({each.least:,} to {each.good:,})" for each in PURPOSES if rows < each.least]
    enough = [each.title for each in PURPOSES if rows >= each.least]
    return f"enough for {' and '.join(enough) or 'no purpose'}; too few for {', '.join(short)}"
