"""Rows of an unknown shape read by a mapping: which of their columns stand for those of a known shape."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from engine.data.browse import shown
from engine.data.errors import DataError, RowProblem
from engine.data.example import Example
from engine.data.formats import detect, to_example
from engine.data.mask import mask_text
from engine.data.records import Problem, Reader
from engine.data.writer import RowWriter

# format → the columns it needs, and those it may have
NEEDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "prompt_completion": (("prompt", "completion"), ("system",)),
    "alpaca": (("instruction", "output"), ("input", "system")),
    "classification": (("text", "label"), ()),
    "preference": (("prompt", "chosen", "rejected"), ("system",)),
    "kto": (("prompt", "completion", "label"), ()),
    "evaluation": (("query", "choices", "gold"), ()),
    "messages": (("messages",), ("tools",)),
    "sharegpt": (("conversations",), ("tools", "system")),
    "text": (("text",), ()),
}
# Columns without a part in the shape are kept here, where no shape looks for its own.
REST = "other"
LOOKED_AT = 200
MISSING = object()


@dataclass(frozen=True)
class Mapping:
    """``columns``: column of the shape → column of the file; ``a.b`` is column b of the object in column a.

    Raises DataError for a format or column that is not known, or a needed column without a source.
    """

    format: str
    columns: dict[str, str]

    def __post_init__(self) -> None:
        if self.format not in NEEDS:
            raise DataError(f"There is no shape {self.format[:40]!r}.", f"Choose one of {', '.join(NEEDS)}.")
        needed, optional = NEEDS[self.format]
        for column in needed:
            if not self.columns.get(column):
                raise DataError(f"No column stands for {column!r} yet.", "Choose the column of the file that holds it.")
        for column in self.columns:
            if column not in needed and column not in optional:
                raise DataError(f"{column[:40]!r} is no column of {self.format}.", "Leave it out.")

    def apply(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row in the shape; a row that lacks one of the columns comes back as it is, to be reported."""
        made: dict[str, Any] = {}
        used = set()
        for column, source in self.columns.items():
            value = value_at(row, source)
            if value is MISSING and column in NEEDS[self.format][0]:
                return row
            if value is not MISSING:
                made[column] = value
                used.add(source)
        rest = {name: value for name, value in row.items() if name not in used}
        return {**made, REST: rest} if rest else made

    def as_json(self) -> dict[str, Any]:
        return {"format": self.format, "columns": self.columns}


def value_at(row: dict[str, Any], source: str) -> Any:
    """What the row holds under ``source`` (``a.b``: column b of the object in column a), or MISSING."""
    if source in row:
        return row[source]
    outer, _, inner = source.partition(".")
    held = row.get(outer)
    return held.get(inner, MISSING) if inner and isinstance(held, dict) else MISSING


def columns_of(path: Path, name: str = "") -> list[str]:
    """The columns of the first rows in the order in which they are met, those of objects inside as ``a.b``."""
    found: dict[str, None] = {}
    for record in islice(Reader(path, name=name), LOOKED_AT):
        if isinstance(record, Problem):
            continue
        for column, value in record.row.items():
            found.setdefault(column)
            if isinstance(value, dict):
                found.update(dict.fromkeys(f"{column}.{inner}" for inner in value))
    return list(found)[:200]


def preview(path: Path, mapping: Mapping, name: str = "", limit: int = 5) -> list[tuple[int, Example | None, str]]:
    """(line, the row as an example, masked and bounded; or None and what is wrong) for the first rows."""
    rows: list[tuple[int, Example | None, str]] = []
    for record in islice(Reader(path, name=name), limit):
        if isinstance(record, Problem):
            rows.append((record.line, None, record.found))
            continue
        try:
            rows.append((record.line, shown(_read(record.row, mapping)), ""))
        except RowProblem as error:
            rows.append((record.line, None, mask_text(error.found)))
    return rows


def _read(row: dict[str, Any], mapping: Mapping) -> Example:
    mapped = mapping.apply(row)
    name = detect(mapped)
    if name != mapping.format:
        found = f"Read by this mapping the row is {name}, not {mapping.format}."
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
        made = write_mapped(options.file, Mapping(spec["format"], spec["columns"]), options.out, options.name)
    except (ValueError, KeyError, TypeError):
        print("Refused: --mapping is not a JSON object with format and columns.", file=sys.stderr)
        return 2
    except DataError as error:
        print(f"Refused: {error.found} {error.remedy}", file=sys.stderr)
        return 2
    print(json.dumps(made))
    return 0
