"""The table of repairs. Each is one file with TITLE, check(operation) and rows(connection, operation).

A repair so far takes rows away. ``rows`` yields (number, code) of those, in any order; nothing is read but the index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from engine.data.errors import DataError

# op → dotted module
REPAIRS: dict[str, str] = {
    "drop": "engine.data.repairs.drop",
    "dedupe": "engine.data.repairs.dedupe",
}
Operation = dict[str, Any]


class Repair(Protocol):
    TITLE: str

    def check(self, operation: Operation) -> None: ...
    def rows(self, connection: sqlite3.Connection, operation: Operation) -> Iterator[tuple[int, str]]: ...


@cache
def load(op: str) -> Repair:
    """The module of a repair. Raises DataError for an operation that is not in the table."""
    if op not in REPAIRS:
        raise DataError(f"There is no repair {op!r}.", f"Use one of: {', '.join(REPAIRS)}.")
    return cast(Repair, import_module(REPAIRS[op]))


def check_operations(operations: list[Operation]) -> None:
    """Raises DataError that names the first operation that cannot be carried out."""
    if not operations:
        raise DataError("No repair was asked for.", "Choose at least one.")
    for operation in operations:
        load(str(operation.get("op"))).check(operation)
