"""A conversation whose last turn is not an answer."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen, with_roles

ABOUT = (
    About(
        "ends_with_user",
        "Ends without an answer",
        "repair",
        "The last question has no answer: the turns after the last answer teach nothing.",
        "Add the answer, or cut the row after the assistant's last turn.",
    ),
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in with_roles(batch, lambda roles: roles[-1] != "a"):
        said = f"The last turn is by {seen.example.messages[-1]['role']}."
        book.flag("ends_with_user", seen.number, seen.line, said)


def conclude(state: None, book: Book, facts: Facts) -> None:
    """Nothing is left to do."""
