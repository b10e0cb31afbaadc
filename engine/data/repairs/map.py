"""Rows of another shape, read by a mapping of their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.data.errors import DataError
from engine.data.mapping import Mapping
from engine.data.repairs.context import Context, Item
from engine.data.repairs.fields import Field

TITLE = "Map columns"
ABOUT = "Writes the rows in a known shape; columns without a part in it are kept under 'other'."
FIELDS = (
    Field(
        "mapping",
        "Mapping",
        "object",
        None,
        "The shape and the column of the file for each of its columns: {format, columns}.",
        needed=True,
    ),
)


def check(operation: dict[str, Any]) -> None:
    _mapping(operation)


def where(operation: dict[str, Any], context: Context) -> Iterator[int]:
    """Rows of no known shape: those a mapping is made for."""
    return context.with_findings(["unknown_shape"])


def change(operation: dict[str, Any], context: Context) -> Callable[[Item], list[dict[str, Any]]]:
    mapping = _mapping(operation)
    return lambda item: [mapping.apply(item.row)]


def _mapping(operation: dict[str, Any]) -> Mapping:
    form, columns = operation["mapping"].get("format"), operation["mapping"].get("columns")
    if type(form) is not str or type(columns) is not dict:
        raise DataError("The mapping lacks its format or its columns.", "Choose a shape and its columns.")
    if not all(type(source) is str for source in columns.values()):
        raise DataError("The mapping names a column that is not text.", "Choose the columns again.")
    return Mapping(form, columns)
