"""Preferences between an answer and itself."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.normalise import PART, precise
from engine.data.seen import Seen

ABOUT = (
    About(
        "chosen_equals_rejected",
        "Chosen and rejected are equal",
        "repair",
        "Nothing is preferred to anything: the row pushes the model nowhere and costs two passes a step.",
        "Drop the rows, or write the answer that was meant.",
        "drop",
    ),
)
MEASURES = {
    "chosen_equals_rejected": {
        "measure": "equal as they stand, or after NFKC, case folding, punctuation and white space",
        "cannot_see": "answers that say the same in other words, and pairs in which the worse one is preferred",
    }
}
_PART = PART.encode()


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        example = seen.example
        if example.rejected is None or example.chosen is None:
            continue
        if example.chosen.strip() == example.rejected.strip():
            book.flag("chosen_equals_rejected", seen.number, seen.line, "", "equal")
        elif seen.key.rpartition(b"\x1e")[2].partition(_PART)[0] == seen.answer_key.rpartition(_PART)[2] and (
            precise(example.chosen) == precise(example.rejected)
        ):
            book.flag("chosen_equals_rejected", seen.number, seen.line, "But for writing.", "but for writing")


def conclude(state: None, book: Book, facts: Facts) -> None:
    if "preference" in facts.formats:
        book.say(MEASURES)
