"""Drop the rows that have a finding."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from engine.data.checks.structure import UNUSABLE_CODES
from engine.data.errors import DataError

TITLE = "Drop rows"


def check(operation: dict[str, Any]) -> None:
    codes = operation.get("codes", list(UNUSABLE_CODES))
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise DataError("The codes of a drop are not a list of finding codes.", "Give codes such as malformed_json.")


def rows(connection: sqlite3.Connection, operation: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Every row with one of ``codes``; without them, every row that cannot be used."""
    for code in operation.get("codes", UNUSABLE_CODES):
        yield from connection.execute("select number, code from finding_row where code = ? order by number", (code,))
