"""Keep one row of each set of duplicates."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from engine.data.errors import DataError

TITLE = "Remove duplicates"

CODES = ("exact_duplicate", "normalised_duplicate", "near_duplicate")
KEEP = ("first",)


def check(operation: dict[str, Any]) -> None:
    if operation.get("keep", "first") not in KEEP:
        raise DataError(f"Duplicates cannot be kept by {operation.get('keep')!r}.", "Keep the first.")
    unknown = [code for code in operation.get("codes", CODES[:1]) if code not in CODES]
    if unknown:
        raise DataError(f"{unknown[0]!r} does not group duplicates.", f"Use {' or '.join(CODES)}.")


def rows(connection: sqlite3.Connection, operation: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """All but the first row of each group of ``codes`` (default: exact duplicates only)."""
    for code in operation.get("codes", CODES[:1]):
        yield from connection.execute(
            "select number, code from finding_row f where code = ? and number > "
            "(select min(number) from finding_row g where g.code = f.code and g.group_id = f.group_id) order by number",
            (code,),
        )
