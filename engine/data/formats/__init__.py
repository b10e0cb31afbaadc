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
    "slots": "engine.data.formats.slots",
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
# give every row other columns). These columns decide by their value, so rows with one are asked each time.
_BY_VALUE = ("label", "kto_tag", "userInput", "labels", "annotations")
_known: dict[tuple[str, ...], str] = {}


def detect(row: dict[str, Any]) -> str:
    """The format of a row. Raises RowProblem (unknown_shape) that names the columns found."""
    columns = tuple(row)
    name = _known.get(columns)
    if name is not None:
        return name
    for module in formats():
        if module.recognise(row):
            if len(_known) < 4096 and not any(column in row for column in _BY_VALUE):
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
    if wrapped := column_wise(row):
        return RowProblem("unknown_shape", *wrapped)
    names = ", ".join(repr(key[:40]) for key in list(row)[:8]) + (", …" if len(row) > 8 else "")
    found = f"No known shape has the columns {names}."
    nested = next((key for key, value in row.items() if _is_nested(value)), None)
    if nested is not None and any(name in _ASKED or name in _ANSWERED for name in row[nested][0]):
        return _nested_rows(nested, row[nested])
    for answer_less in _ASKED:
        if answer_less in row:
            found = f"There is a {answer_less!r} but no answer beside it (columns {names})."
            return RowProblem("unknown_shape", found, "Add the answer, for example as 'completion'.")
    if nested is not None:
        return _nested_rows(nested, row[nested])
    shapes = "; ".join(module.COLUMNS for module in formats())
    return RowProblem("unknown_shape", found, f"Rename the columns to a known shape: {shapes}.")


# Under which names tables are wrapped, and where their headings stand beside lists of cells.
_WRAPPERS = ("data", "rows", "columns", "records", "table")
_HEADINGS = ("columns", "header", "headers", "fields")


def column_wise(row: dict[str, Any]) -> tuple[str, str] | None:
    """(what was found, remedy) of a whole table in one object, its columns or its lists of cells; else None."""
    heading = next((name for name in _HEADINGS if _is_list_of(row.get(name), str)), None)
    cells = next((name for name in _WRAPPERS if name != heading and _is_list_of(row.get(name), list)), None)
    if heading and cells:
        found = (
            f"This is a whole table in one object: {heading!r} names its columns and {cells!r} holds lists of cells."
        )
        jq = f".{heading} as $h | .{cells}[] | [$h, .] | transpose | map({{(.[0]): .[1]}}) | add"
        return found, f"Write each row as an object of its own (jq -c '{jq}' FILE > NEW)."
    for name in _WRAPPERS:
        held = row.get(name)
        if isinstance(held, dict) and held and all(isinstance(column, list) for column in held.values()):
            columns = ", ".join(repr(column[:40]) for column in list(held)[:5])
            found = f"The column {name!r} holds a whole table column by column ({columns}), not one row."
            jq = (
                f".{name} | to_entries | map([.key, .value[]]) | transpose | .[0] as $h | .[1:][] | [$h, .] | transpose"
            )
            return (
                found,
                f"Write each row as an object of its own (jq -c '{jq} | map({{(.[0]): .[1]}}) | add' FILE > NEW).",
            )
    return None


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], kind)


# Columns by which rows inside a row are told from other lists of objects.
_ASKED = ("prompt", "question", "instruction", "query")
_ANSWERED = ("completion", "response", "answer", "output", "input", "text", "messages")


def _is_nested(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _nested_rows(column: str, value: list[Any]) -> RowProblem:
    inner = ", ".join(repr(name[:40]) for name in list(value[0])[:5])
    found = f"The column {column[:40]!r} holds a list of {len(value)} objects"
    found += f" (with {inner}): rows nested inside a row." if inner else ": rows nested inside a row."
    return RowProblem("unknown_shape", found, f"Write each object of {column[:40]!r} on a line of its own.")
