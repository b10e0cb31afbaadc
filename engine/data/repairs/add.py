"""Rows of another file put at the end, marked with where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.data.errors import DataError
from engine.data.repairs.context import Context
from engine.data.repairs.fields import Field
from engine.data.replay import SOURCE, Rows

TITLE = "Add rows"
ABOUT = "Puts rows of another file at the end and marks them, as drafts of a teacher are marked synthetic."
FIELDS = (
    Field("file", "Rows to add", "file", None, "The file that holds the rows, in any known shape.", needed=True),
    Field("origin", "Origin", "text", "synthetic", "Written into 'source' of each row, whatever stood there."),
)


def check(operation: dict[str, Any]) -> None:
    if not operation.get("origin", "x").strip():
        raise DataError("Add rows: 'origin' is empty.", "Say where the rows come from.")


def expected(operation: dict[str, Any], context: Context) -> int | None:
    return Rows(context.file(operation["file"]), context.format).count()


def added(operation: dict[str, Any], context: Context) -> Iterator[tuple[dict[str, Any], str]]:
    """Raises DataError when no row of the file can be written in this version's format."""
    rows, origin = Rows(context.file(operation["file"]), context.format), operation["origin"]
    count = 0
    for _, row in rows:
        count += 1
        yield row | {SOURCE: origin}, origin
    if not count:
        raise rows.refuse_nothing()
    context.notes += rows.notes()
