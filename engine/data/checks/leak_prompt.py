"""Rows whose prompt stands in the held-out file, with whatever answer."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.leaks import HeldOut, say
from engine.data.seen import Seen

ABOUT = (
    About(
        "leak_prompt",
        "Prompts of the test file",
        "repair",
        "The question was seen in training: the score on it measures memory, not skill.",
        "Drop them from the training data.",
        "drop",
    ),
)

MEASURES = {
    "leak_prompt": {
        "measure": "prompt (all turns from the first by the user on, or that one alone; raw text as a whole) equal "
        "after NFKC, case folding, punctuation and white space",
        "cannot_see": "prompts that ask the same in other words",
    }
}
# ``look`` changes nothing in the state.
FIXED = True


def start(options: Options) -> HeldOut | None:
    return options.held_out


def look(state: HeldOut | None, batch: list[Seen], book: Book) -> None:
    if state:
        for seen in batch:
            line = state.prompt_line(seen)
            if line is not None:
                book.flag("leak_prompt", seen.number, seen.line, f"Line {line} of the test file.")


def conclude(state: HeldOut | None, book: Book, facts: Facts) -> None:
    say(MEASURES, state, book)
