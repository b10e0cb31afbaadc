"""Rows of another shape, read by a mapping of their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

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
        "The shape and the column of the file for each of its columns: {format, columns, constants, labels}.",
        needed=True,
    ),
)


def check(operation: dict[str, Any]) -> None:
    Mapping.of(operation["mapping"])


def where(operation: dict[str, Any], context: Context) -> Iterator[int]:
    """Rows of no known shape: those a mapping is made for."""
    return context.with_findings(["unknown_shape"])


def change(operation: dict[str, Any], context: Context) -> Callable[[Item], list[dict[str, Any]]]:
    mapping = Mapping.of(operation["mapping"])
    return lambda item: [mapping.apply(item.row)]
