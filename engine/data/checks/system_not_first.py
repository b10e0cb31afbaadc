"""A system turn that is not the first one."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen, with_roles

ABOUT = (
    About(
        "system_not_first",
        "System turn not first",
        "repair",
        "Chat templates put the system turn first or refuse the row: what is trained is not what is written.",
        "Move the system turn to the start.",
    ),
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in with_roles(batch, lambda roles: "s" in roles[1:]):
        place = seen.roles.index("s", 1) + 1
        book.flag("system_not_first", seen.number, seen.line, f"The system speaks in turn {place}.")


def conclude(state: None, book: Book, facts: Facts) -> None:
    """Nothing is left to do."""
