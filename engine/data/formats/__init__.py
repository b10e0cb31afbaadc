"""The table of row formats. Each is one file with NAME, TITLE, COLUMNS, recognise(row) and to_example(row)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from engine.data.errors import RowProblem
from engine.data.example import Example

# name → dotted module, in the order in which a row is asked: the more particular shape first.
FORMATS: dict[str, str] = {
    "preference": "engine.data.formats.preference",
    "kto": "engine.data.formats.kto",
    "messages": "engine.data.formats.messages",
    "sharegpt": "engine.data.formats.sharegpt",
    "evaluation": "engine.data.formats.evaluation",
    "alpaca": "engine.data.formats.alpaca",
    "prompt_completion": "engine.data.formats.prompt_completion",
    "classification": "engine.data.formats.classification",
    "text": "engine.data.formats.text",
}


class Format(Protocol):
    NAME: str
    TITLE: str
    COLUMNS: str

    def recognise(self, row: dict[str, Any]) -> bool: ...
    def to_example(self, row: dict[str, Any]) -> Example: ...


@cache
def load(name: str) -> Format:
    """The module of a format. Raises KeyError for a name that is not in the table."""
    return cast(Format, import_module(FORMATS[name]))


def formats() -> Iterator[Format]:
    return (load(name) for name in FORMATS)


# Rows of one file nearly always have the same columns: the answer for those is kept (bounded: a hostile file can
# give every row other columns). `label` decides by its value, so rows with one are asked each time.
_known: dict[tuple[str, ...], str] = {}


def detect(row: dict[str, Any]) -> str:
    """The format of a row. Raises RowProblem (unknown_shape) that names the columns found."""
    columns = tuple(row)
    name = _known.get(columns)
    if name is not None:
        return name
    for module in formats():
        if module.recognise(row):
            if len(_known) < 4096 and "label" not in row:
                _known[columns] = module.NAME
            return module.NAME
    raise unknown_shape(row)


def to_example(row: dict[str, Any], format_name: str) -> Example:
    """Reads ``row`` as ``format_name``. Raises RowProblem(code, found, remedy)."""
    return load(format_name).to_example(row)


def unknown_shape(row: dict[str, Any]) -> RowProblem:
    """Says which columns there are and, for a nested one, what it holds."""
    if not row:
        return RowProblem("unknown_shape", "The object is empty.", "Remove the row.")
    names = ", ".join(repr(key[:40]) for key in list(row)[:8]) + (", …" if len(row) > 8 else "")
    found = f"No known shape has the columns {names}."
    for key, value in row.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            inner = ", ".join(repr(name[:40]) for name in list(value[0])[:5])
            found = f"The column {key[:40]!r} holds a list of {len(value)} objects"
            found += f" (with {inner}): rows nested inside a row." if inner else ": rows nested inside a row."
            return RowProblem("unknown_shape", found, f"Write each object of {key[:40]!r} on a line of its own.")
    for answer_less in ("prompt", "question", "instruction", "query"):
        if answer_less in row:
            found = f"There is a {answer_less!r} but no answer beside it (columns {names})."
            return RowProblem("unknown_shape", found, "Add the answer, for example as 'completion'.")
    shapes = "; ".join(module.COLUMNS for module in formats())
    return RowProblem("unknown_shape", found, f"Rename the columns to a known shape: {shapes}.")
