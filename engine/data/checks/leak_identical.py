"""Rows that stand in the held-out file too."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.leaks import HeldOut, say
from engine.data.seen import Seen

ABOUT = (
    About(
        "leak_identical",
        "Rows of the test file",
        "repair",
        "The model is examined on what it was taught: every score on these rows is worth nothing.",
        "Drop them from the training data.",
        "drop",
    ),
)
MEASURES = {
    "leak_identical": {
        "measure": "equal after NFKC, case folding, punctuation and white space",
        "cannot_see": "rows that say the same in other words; of held-out rows without an answer only the prompt "
        "is compared",
    }
}
# ``look`` changes nothing in the state.
FIXED = True


def start(options: Options) -> HeldOut | None:
    return options.held_out


def look(state: HeldOut | None, batch: list[Seen], book: Book) -> None:
    if state:
        for seen in batch:
            line = state.rows.get(seen.same)
            if line and state.same_row(seen):
                book.flag("leak_identical", seen.number, seen.line, f"Line {line} of the test file.")


def conclude(state: HeldOut | None, book: Book, facts: Facts) -> None:
    say(MEASURES, state, book)
