"""A table with a heading (RFC 4180, parted by commas, tabs, semicolons or bars): each record becomes one JSON line.

All cells are text, but for tables that our own export wrote: those are read as the rows they were. A record with more
or fewer cells than the heading is written as a list of its cells, so that the reader reports it at its line rather than
shifting its columns.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from engine.data.containers.sink import Sink
from engine.data.diagnose import MAX_LINE_BYTES
from engine.data.errors import FileRefused
from engine.data.exports import csv as exported
from engine.data.sniff import BOM, HEAD_BYTES, csv_delimiter

TITLE = "CSV"
SAVE_AGAIN = "Save the table again as CSV in UTF-8, or export it as JSON Lines."
MOST_COLUMNS = 1000
BATCH_ROWS = 1000


def unpack(source: Path, sink: Sink) -> None:
    """Raises FileRefused for a heading that names nothing, or twice the same, and for quotes that do not match."""
    with source.open("rb") as raw:
        head = raw.read(HEAD_BYTES)
    sink.bom = head.startswith(BOM)
    delimiter = csv_delimiter(head.removeprefix(BOM)) or ","
    csv.field_size_limit(MAX_LINE_BYTES)
    total = source.stat().st_size
    with (
        source.open("rb") as raw,
        TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="") as file,
    ):
        table = csv.reader(_bounded_lines(file), delimiter=delimiter, strict=True)
        begins = 1
        try:
            names = _heading(next((cells for cells in table if cells), []))
            begins = table.line_num + 1
            restore = exported.back if tuple(names) in exported.HEADINGS else dict
            for cells in table:
                if cells:
                    _write(sink, names, cells, begins, restore)
                    if sink.rows % BATCH_ROWS == 0:
                        sink.at(raw.tell(), total)
                begins = table.line_num + 1
        except csv.Error as error:
            found = f"The record that begins on line {begins} cannot be read ({error}): a quote does not match."
            raise FileRefused("csv", found, "Write a quote inside a quoted cell twice. " + SAVE_AGAIN) from None
    if not sink.rows:
        raise FileRefused("csv", "The table has a heading and no rows.", "Upload a table that has rows.")


def _write(
    sink: Sink, names: list[str], cells: list[str], line: int, restore: Callable[[dict[str, str]], dict[str, Any]]
) -> None:
    if len(cells) == len(names):
        sink.write_row(restore(dict(zip(names, cells, strict=True))), line)
    else:
        sink.uneven += 1
        sink.write_row(cells, line)


def _heading(cells: list[str]) -> list[str]:
    """Column names. One without a name, as an index column is written, is called by its place."""
    names = [name.strip() or f"column {place}" for place, name in enumerate(cells, start=1)]
    if not any(name.strip() for name in cells):
        raise FileRefused(
            "csv", "The first line of the table names no columns.", "Write a heading, such as text,label."
        )
    if len(names) > MOST_COLUMNS:
        found = f"The heading has {len(names):,} columns; {MOST_COLUMNS:,} are read at most."
        raise FileRefused("csv", found, SAVE_AGAIN)
    twice = next((name for place, name in enumerate(names) if name in islice(names, place)), None)
    if twice is not None:
        raise FileRefused("csv", f"Two columns have the name {twice[:40]!r}.", "Rename one of them.")
    try:
        "".join(names).encode("utf-8")
    except UnicodeEncodeError:
        raise FileRefused("csv", "The heading is not UTF-8 text.", SAVE_AGAIN) from None
    return names


def _bounded_lines(file: TextIO) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        if len(line) >= MAX_LINE_BYTES:
            raise FileRefused("csv", f"Line {number} of the table is longer than {MAX_LINE_BYTES:,} bytes.", SAVE_AGAIN)
        yield line
