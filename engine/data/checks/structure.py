"""Lines that cannot be used at all. The reader and the formats find them; here stands what each kind means."""

from __future__ import annotations

from typing import Any

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

_LOST = "A line that cannot be read is lost to training; often a whole export went wrong at that place."
_EMPTY = "An example without both sides teaches nothing, or teaches silence."

ABOUT = (
    About("malformed_json", "Malformed lines", "repair", _LOST, "Correct the lines, or drop them.", "drop"),
    About("invalid_encoding", "Lines that are not UTF-8", "repair", _LOST, "Save as UTF-8, or drop the lines.", "drop"),
    About("not_an_object", "Lines that are not objects", "repair", _LOST, "Write objects, or drop the lines.", "drop"),
    About(
        "unknown_shape",
        "Rows of unknown shape",
        "repair",
        "Which column is the question and which the answer is never guessed.",
        "Rename the columns, or drop the rows.",
        "drop",
    ),
    About(
        "wrong_type",
        "Fields of the wrong type",
        "repair",
        "A list or number where text belongs would be trained on as it is printed.",
        "Correct the fields, or drop the rows.",
        "drop",
    ),
    About(
        "unknown_role",
        "Unknown roles",
        "repair",
        "A chat template cannot place a turn whose speaker it does not know.",
        "Use system, user, assistant or tool, or drop the rows.",
        "drop",
    ),
    About("empty_prompt", "Empty prompts", "repair", _EMPTY, "Fill them in, or drop the rows.", "drop"),
    About("empty_answer", "Empty answers", "repair", _EMPTY, "Write the answers, or drop the rows.", "drop"),
    About(
        "no_assistant_turn",
        "No assistant turn",
        "repair",
        "There is no answer to learn.",
        "Add the answers, or drop the rows.",
        "drop",
    ),
)
UNUSABLE_CODES = tuple(about.code for about in ABOUT)


def start(options: Options) -> None:
    return None


def look(state: Any, batch: list[Seen], book: Book) -> None:
    """Nothing: a usable row has none of these."""


def conclude(state: Any, book: Book, facts: Facts) -> None:
    if not facts.usable:
        for finding in book.findings():
            finding.severity = "blocker"
