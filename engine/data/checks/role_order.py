"""Turns that do not alternate: two by the same speaker, an assistant who begins, a tool that nobody called."""

from __future__ import annotations

import re
from functools import lru_cache

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen, with_roles

ABOUT = (
    About(
        "role_order",
        "Turns out of order",
        "repair",
        "Many chat templates refuse such rows or join the turns wrongly; the model learns to answer out of turn.",
        "Put the turns in order: user, assistant (tool calls and tool answers between), user, and so on.",
    ),
)
# One letter a turn: user, assistant, tool. A conversation may end with the user; another check says so.
_IN_ORDER = re.compile(r"(?:u(?:a(?:t+a)*))+u?")


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in with_roles(batch, lambda roles: not in_order(roles)):
        book.flag("role_order", seen.number, seen.line, f"The order is {spell(seen.roles)}.")


def conclude(state: None, book: Book, facts: Facts) -> None:
    """Nothing is left to do."""


@lru_cache(maxsize=4096)
def in_order(roles: str) -> bool:
    return _IN_ORDER.fullmatch(roles.replace("s", "")) is not None


def spell(roles: str) -> str:
    names = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}
    return ", ".join(names[role] for role in roles[:12]) + (", …" if len(roles) > 12 else "")
