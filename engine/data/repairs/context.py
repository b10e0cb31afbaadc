"""What a repair is given beside its operation: the file, its audit, and the other files an operation names."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import orjson

from engine.data import index
from engine.data.again import read_at
from engine.data.errors import DataError
from engine.data.records import Reader, Record

# A condition on rows of ``row f`` or ``finding_row f``: no earlier operation takes them away.
NOT_GONE = "not exists (select 1 from temp.gone g where g.number = f.number)"


class Item(msgspec.Struct):
    """One row on its way through the changes. ``record`` is the row as it was, ``row`` what it is by now."""

    record: Record
    row: dict[str, Any]

    @property
    def number(self) -> int:
        return self.record.number


@dataclass
class Context:
    """``index`` is the audit's index, read-only but for the temporary table ``gone`` (number, code, op) of the rows
    that earlier operations take away. ``kept`` counts the rows written so far; it is complete when rows are added.
    ``notes`` are sentences for the result. A ``quick`` look (a preview) need not read other files whole."""

    reader: Reader
    document: dict[str, Any]
    index: sqlite3.Connection
    files: dict[str, Path]
    format: str = ""
    kept: int = 0
    quick: bool = False
    notes: list[str] = field(default_factory=list)

    def file(self, key: str) -> Path:
        """A further input. Raises DataError when none goes by this key."""
        if key not in self.files:
            raise DataError(f"There is no file {key[:40]!r} beside this repair.", "Choose the file again.")
        return self.files[key]

    def with_findings(self, codes: Iterable[str]) -> Iterator[int]:
        """Numbers of the rows left that have one of these findings, each once, in the order of the file."""
        known = list(codes)
        marks = ",".join("?" * len(known))
        select = f"select distinct number from finding_row f where code in ({marks}) and {NOT_GONE} order by number"  # noqa: S608
        return (number for (number,) in self.index.execute(select, known))

    def longer_than(self, tokens: int) -> Iterator[int]:
        """Numbers of the rows left that have more tokens, as far as the audit counted any."""
        select = f"select number from row f where tokens > ? and {NOT_GONE} order by number"  # noqa: S608
        return (number for (number,) in self.index.execute(select, (tokens,)))

    def records(self, numbers: list[int]) -> Iterator[Record]:
        """These rows, read again by their places; lines that cannot be read are left out."""
        with self.reader.path.open("rb") as file:
            for place in index.places(self.index, numbers):
                record = read_at(file, self.reader.container, place)
                if isinstance(record, Record):
                    yield record


def same_row(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Equal as JSON: in Python 1, 1.0 and True are equal too. Raises RecursionError for a row that was made one level
    deeper than JSON is written."""
    try:
        return before is after or orjson.dumps(before) == orjson.dumps(after)
    except orjson.JSONEncodeError:
        raise RecursionError from None
