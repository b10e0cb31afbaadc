"""Drop the rows that have a finding, or that were chosen one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.data.checks.structure import UNUSABLE_CODES
from engine.data.errors import DataError
from engine.data.index import LARGEST
from engine.data.repairs.context import Context
from engine.data.repairs.fields import EXCEPT, Field, exceptions

TITLE = "Drop rows"
ABOUT = "Takes rows away: all that have one of the findings, or the rows you chose."
FIELDS = (
    Field(
        "codes",
        "Findings",
        "texts",
        None,
        "Codes of findings such as malformed_json; without codes and numbers, every row that cannot be used.",
    ),
    Field("numbers", "Rows", "numbers", None, "Numbers of single rows (the line, or the place in an array), from 1."),
    EXCEPT,
)
CHOSEN = "chosen"  # the reason that is counted for rows given by number


def check(operation: dict[str, Any]) -> None:
    if operation.get("codes") == [] and not operation.get("numbers"):
        raise DataError("Drop rows: no finding and no row is chosen.", "Choose one.")


def codes(operation: dict[str, Any]) -> tuple[str, ...]:
    if operation["codes"] is None and operation["numbers"] is None:
        return tuple(UNUSABLE_CODES)
    return tuple(operation["codes"] or ())


def rows(operation: dict[str, Any], context: Context) -> Iterator[tuple[int, str]]:
    for code in codes(operation):
        fine = exceptions(operation, code)
        found = context.index.execute("select number, code from finding_row where code = ? order by number", (code,))
        yield from (row for row in found if row[0] not in fine)
    for number in operation["numbers"] or ():
        there = context.index.execute("select 1 from row where number = ?", (min(number, LARGEST),)).fetchone()
        if there is None:
            raise DataError(f"There is no row {number} in this version.", "Choose the rows again.")
        yield number, CHOSEN
