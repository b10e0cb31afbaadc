"""Rows of an unknown shape read by a mapping: which of their columns stand for those of a known shape."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from engine.data.browse import shown
from engine.data.errors import DataError, RowProblem
from engine.data.example import Example
from engine.data.formats import detect, load, to_example
from engine.data.mask import mask_text
from engine.data.records import Problem, Reader, Record
from engine.data.writer import RowWriter

# format → the columns it needs, and those it may have
NEEDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "prompt_completion": (("prompt", "completion"), ("system", "tools")),
    "alpaca": (("instruction", "output"), ("input", "system", "tools")),
    "classification": (("text", "label"), ()),
    "classification:list": (("text", "labels"), ("label",)),
    "classification:columns": (
        ("text", "annotator_1", "annotator_2"),
        ("annotator_3", "annotator_4", "annotator_5", "label"),
    ),
    # Without a prompt both answers hold the whole conversation.
    "preference": (("chosen", "rejected"), ("prompt", "system", "tools")),
    "kto": (("prompt", "completion", "label"), ("system", "tools")),
    "kto:turns": (("messages", "label"), ("tools",)),
    "slots": (("userInput",), ("labels",)),
    "evaluation": (("query", "choices", "gold"), ()),
    "evaluation:continuation": (("context", "continuation"), ()),
    "messages": (("messages",), ("tools",)),
    "sharegpt": (("conversations",), ("tools", "system")),
    "text": (("text",), ()),
}
# What comes after the colon: the same format from other columns.
VARIANTS = {
    "kto:turns": "turns in one column",
    "classification:list": "labels of several people in a list",
    "classification:columns": "labels of several people, a column each",
    "evaluation:continuation": "a context and its continuation",
}
# Columns without a part in the shape are kept here, where no shape looks for its own.
REST = "other"
THUMB = "label"
LOOKED_AT, LOOKED_AT_BYTES = 200, 8 << 20
MOST_COLUMNS, LONGEST_NAME = 200, 200
MISSING = object()


def format_of(shape: str) -> str:
    """The format that rows of a shape are read as."""
    return shape.partition(":")[0]


def title_of(shape: str) -> str:
    title = load(format_of(shape)).TITLE
    return f"{title}: {VARIANTS[shape]}" if shape in VARIANTS else title


@dataclass(frozen=True)
class Mapping:
    """``columns``: column of the shape → column of the file; ``a.b`` is column b of the object in column a.

    ``constants``: column of the shape → a text that every row gets. ``labels``: which values of the file mean true and
    which false, for a shape with a thumb; compared as text, in any case. Raises DataError for a format or column that
    is not known, a needed column without a source, or a value that means both.
    """

    format: str
    columns: dict[str, str]
    constants: dict[str, str] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.format not in NEEDS:
            raise DataError(f"There is no shape {self.format[:40]!r}.", f"Choose one of {', '.join(NEEDS)}.")
        needed, optional = NEEDS[self.format]
        for column in needed:
            if not self.columns.get(column) and not self.constants.get(column):
                raise DataError(f"No column stands for {column!r} yet.", "Choose the column of the file that holds it.")
        for column in (*self.columns, *self.constants):
            if column not in needed and column not in optional:
                raise DataError(f"{column[:40]!r} is no column of {self.format}.", "Leave it out.")
        true, false = self._meanings()
        if both := true & false:
            raise DataError(f"The value {min(both)[:40]!r} means both true and false.", "Give it to one of them.")

    @classmethod
    def of(cls, spec: Any) -> Mapping:
        """From its JSON: {format, columns, constants, labels}, the last two if they are wanted. Raises DataError."""
        if type(spec) is not dict or type(spec.get("format")) is not str or type(spec.get("columns")) is not dict:
            raise DataError("The mapping lacks its format or its columns.", "Choose a shape and its columns.")
        columns, constants, labels = spec["columns"], spec.get("constants") or {}, spec.get("labels") or {}
        if type(constants) is not dict or type(labels) is not dict:
            raise DataError("The constants or labels of the mapping are no JSON object.", "Choose the columns again.")
        values = [value for group in labels.values() for value in (group if type(group) is list else [None])]
        if not all(type(text) is str for text in (*columns.values(), *constants.values(), *values)):
            raise DataError("The mapping names something that is not text.", "Choose the columns again.")
        return cls(spec["format"], columns, constants, labels)

    def as_json(self) -> dict[str, Any]:
        """What ``of`` reads; constants and labels only where there are any."""
        more = {name: value for name in ("constants", "labels") if (value := getattr(self, name))}
        return {"format": self.format, "columns": self.columns} | more

    def apply(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row in the shape; a row that does not fit comes back as it is, to be reported."""
        if self.lacks(row):
            return row
        made: dict[str, Any] = {name: text for name, text in self.constants.items() if text}
        used = set()
        for column, source in self.columns.items():
            value = value_at(row, source) if source else MISSING
            if value is not MISSING:
                made[column] = (
                    self._thumb(value) if format_of(self.format) == "kto" and column == THUMB and self.labels else value
                )
                used.add(source)
        rest = {name: value for name, value in row.items() if name not in used}
        return {**made, REST: rest} if rest else made

    def lacks(self, row: dict[str, Any]) -> str:
        """Why the row does not fit this mapping, in words; nothing when it does."""
        for column in NEEDS[self.format][0]:
            source = self.columns.get(column)
            if not source:
                continue
            value = value_at(row, source)
            if value is MISSING:
                return f"The row has no column {source[:60]!r}."
            if (
                format_of(self.format) == "kto"
                and column == THUMB
                and self.labels
                and type(self._thumb(value)) is not bool
            ):
                return f"{source[:60]!r} holds {str(value)[:40]!r}, which is neither among true nor among false."
        return ""

    def _thumb(self, value: Any) -> Any:
        true, false = self._meanings()
        text = as_text(value)
        return True if text in true else False if text in false else value if type(value) is bool else text

    def _meanings(self) -> tuple[set[str], set[str]]:
        true, false = ({as_text(value) for value in self.labels.get(name, ())} for name in ("true", "false"))
        return true, false


def as_text(value: Any) -> str:
    """A value as people name it when they say which mean true: 1, yes, TRUE."""
    return str(value).strip().casefold()


def value_at(row: dict[str, Any], source: str) -> Any:
    """What the row holds under ``source`` (``a.b``: column b of the object in column a), or MISSING."""
    if source in row:
        return row[source]
    outer, _, inner = source.partition(".")
    held = row.get(outer)
    return held.get(inner, MISSING) if inner and isinstance(held, dict) else MISSING


def first_records(path: Path, name: str = "", limit: int = LOOKED_AT) -> Iterator[Record | Problem]:
    """The first rows, as few as keep a page quick: at most ``limit``, and none after 8 MiB. Raises FileRefused."""
    read = 0
    for record in islice(Reader(path, name=name), limit):
        yield record
        read += record.length
        if read > LOOKED_AT_BYTES:
            return


def columns_of(path: Path, name: str = "") -> list[str]:
    """The columns of the first rows in the order in which they are met, those of objects inside as ``a.b``; 200 at
    most, and none with a name of more than 200 characters. Raises FileRefused."""
    return columns_in(record.row for record in first_records(path, name) if isinstance(record, Record))


def columns_in(rows: Iterable[dict[str, Any]]) -> list[str]:
    found: dict[str, None] = {}
    for row in rows:
        for column, value in row.items():
            found.setdefault(column)
            if isinstance(value, dict):
                found.update(dict.fromkeys(f"{column}.{inner}" for inner in value))
    return [column for column in found if len(column) <= LONGEST_NAME][:MOST_COLUMNS]


def preview(path: Path, mapping: Mapping, name: str = "", limit: int = 5) -> list[tuple[int, Example | None, str]]:
    """(line, the row as an example, masked and bounded; or None and what is wrong) for the first rows."""
    return [try_row(record, mapping) for record in islice(Reader(path, name=name), limit)]


def try_row(record: Record | Problem, mapping: Mapping) -> tuple[int, Example | None, str]:
    """(line, the row as it would be read, masked and bounded; or None and what is wrong)."""
    if isinstance(record, Problem):
        return record.line, None, record.found
    try:
        return record.line, shown(_read(record.row, mapping)), ""
    except RowProblem as error:
        return record.line, None, mask_text(error.found)


def _read(row: dict[str, Any], mapping: Mapping) -> Example:
    if lacks := mapping.lacks(row):
        raise RowProblem("unknown_shape", lacks, "Choose another column.")
    mapped = mapping.apply(row)
    name = detect(mapped)
    if name != format_of(mapping.format):
        found = f"Read by this mapping the row is {name}, not {format_of(mapping.format)}."
        if format_of(mapping.format) == "kto":
            found = (
                f"The label holds {str(mapped.get(THUMB))[:40]!r}, neither true nor false: say which values mean which."
            )
        raise RowProblem("wrong_type", found, "Choose the column that holds what this shape asks for.")
    return to_example(mapped, name)


def write_mapped(path: Path, mapping: Mapping, out: Path, name: str = "") -> dict[str, Any]:
    """Writes every row by the mapping to ``out``; lines that are no rows stay as they are, to be reported.

    Returns rows, bytes and sha256. Raises FileRefused.
    """
    reader = Reader(path, name=name)
    with RowWriter(out) as writer:
        for record in reader:
            if isinstance(record, Problem):
                writer.copy(reader.path, record)
            else:
                record.row = mapping.apply(record.row)
                writer.write(record, as_it_stood=False)
    return {"rows": writer.rows, "bytes": writer.bytes, "sha256": writer.sha256}


def map_main(argv: list[str]) -> int:
    """``map FILE OUT --mapping JSON``: rows by a mapping {format, columns}; prints the counts. Exit 0, 2 refused."""
    parser = argparse.ArgumentParser(prog="python -m engine map")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--mapping", required=True, help="JSON: {format, columns: {column of the shape: its source}}")
    parser.add_argument("--name", default="", help="the name the file came with")
    options = parser.parse_args(argv)
    try:
        spec = json.loads(options.mapping)
        made = write_mapped(options.file, Mapping.of(spec), options.out, options.name)
    except ValueError:
        print("Refused: --mapping is not a JSON object with format and columns.", file=sys.stderr)
        return 2
    except DataError as error:
        print(f"Refused: {error.found} {error.remedy}", file=sys.stderr)
        return 2
    print(json.dumps(made))
    return 0
