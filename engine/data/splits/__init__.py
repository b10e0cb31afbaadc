"""The table of ways to split. Each is one file with TITLE, ABOUT, COLUMN, FILE and place(rows, ask).

``COLUMN`` says whether a column of the rows is "needed", "optional" or "none"; ``FILE``, whether the test part is a
file of its own. ``place`` returns for each row number its part (0 train, 1 validation, 2 test, 255 left out) and what
its page tells about it. Whatever the way, rows that belong together (duplicates of any kind) stay on one side.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from engine.data.errors import DataError

if TYPE_CHECKING:
    from engine.data.splits.rows import Ask, Rows

PARTS = ("train", "validation", "test")
LEFT_OUT = 255
Places = NDArray[np.uint8]

# name → dotted module; the first is what a split is when nothing else was asked for.
STRATEGIES: dict[str, str] = {
    "stratified": "engine.data.splits.stratified",
    "random": "engine.data.splits.at_random",
    "time": "engine.data.splits.by_time",
    "group": "engine.data.splits.by_group",
    "file": "engine.data.splits.by_file",
}


class Strategy(Protocol):
    TITLE: str
    ABOUT: str
    COLUMN: Literal["needed", "optional", "none"]
    FILE: bool

    def place(self, rows: Rows, ask: Ask) -> tuple[Places, dict[str, Any]]: ...


@cache
def load(name: str) -> Strategy:
    """The module of a way to split. Raises DataError for one that is not in the table."""
    if name not in STRATEGIES:
        raise DataError(f"There is no way to split called {name[:40]!r}.", f"Use one of: {', '.join(STRATEGIES)}.")
    return cast(Strategy, import_module(STRATEGIES[name]))


def strategies() -> Iterator[tuple[str, Strategy]]:
    return ((name, load(name)) for name in STRATEGIES)
