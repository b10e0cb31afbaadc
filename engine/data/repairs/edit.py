"""Rows that a person rewrote, one by one; also lines that could not be read as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from engine.data.errors import DataError, RowProblem
from engine.data.formats import detect, to_example
from engine.data.mask import mask_text
from engine.data.repairs.context import NOT_GONE, Context, Item
from engine.data.repairs.fields import Field

TITLE = "Edit rows"
ABOUT = "Puts the rows you wrote in the place of those you opened."
FIELDS = (
    Field(
        "edits",
        "Edits",
        "objects",
        None,
        "For each row its identity as it was (row_id), or of a line that cannot be read its number; and the row as it "
        "shall be (row).",
        needed=True,
    ),
)


def check(operation: dict[str, Any]) -> None:
    """Raises DataError for an edit that makes a row no trainer could use, and says what is wrong with it."""
    if not operation["edits"]:
        raise DataError("Edit rows: there is no edit.", "Change a row first.")
    seen = set()
    for edit in operation["edits"]:
        identity, row = edit.get("row_id", edit.get("number")), edit.get("row")
        if type(identity) is not (str if "row_id" in edit else int) or type(row) is not dict:
            raise DataError("Edit rows: an edit lacks row_id (or number) or row.", "Open the row again and edit it.")
        if identity in seen:
            raise DataError("Edit rows: one row is edited twice.", "Keep one of the two edits.")
        seen.add(identity)
        try:
            orjson.dumps(row)
            to_example(row, detect(row))
        except RowProblem as problem:
            raise DataError(f"The edited row cannot be used: {mask_text(problem.found)}", problem.remedy) from None
        except (TypeError, RecursionError):
            found = "The edited row cannot be written as JSON (a number beyond 64 bits, or half a character)."
            raise DataError(found, "Correct the row.") from None


def lines(operation: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Number of a line that cannot be read → the row in its place."""
    return {edit["number"]: edit["row"] for edit in operation["edits"] if "row_id" not in edit}


def where(operation: dict[str, Any], context: Context) -> Iterator[int]:
    """Every row with one of the identities: copies of a row are edited with it."""
    identities = [bytes.fromhex(each) for each in _rows(operation) if _is_hex(each)]
    for start in range(0, len(identities), 500):
        part = identities[start : start + 500]
        select = f"select number from row f where row_id in ({','.join('?' * len(part))}) and {NOT_GONE}"  # noqa: S608
        yield from (number for (number,) in context.index.execute(select, part))


def change(operation: dict[str, Any], context: Context) -> Callable[[Item], list[dict[str, Any]]]:
    """Raises DataError when a row to edit is not there (any more)."""
    new = _rows(operation)
    places = {}
    for number in where(operation, context):
        (identity,) = context.index.execute("select row_id from row where number = ?", (number,)).fetchone()
        places[number] = identity.hex()
    if missing := len(new) - len(set(places.values())):
        found = f"{missing} of the {len(new)} edited rows are not in this version, or another repair takes them away."
        raise DataError(found, "Open the rows again in the newest version and edit them there.")
    return lambda item: [new[places[item.number]] if item.number in places else item.row]


def _rows(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {edit["row_id"]: edit["row"] for edit in operation["edits"] if "row_id" in edit}


def _is_hex(text: str) -> bool:
    return len(text) == 64 and all(digit in "0123456789abcdef" for digit in text)
