"""What pages read of an audit: its document, and pages of rows through its index. Never the whole file, never torch.

Everything given out has its e-mail addresses masked and is bounded in size; it is still hostile text to be escaped.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import numpy as np

from engine.data import index, rowtable
from engine.data.again import read_at
from engine.data.errors import DataError, RowProblem
from engine.data.example import Example
from engine.data.formats import detect, to_example
from engine.data.mask import excerpt, mask_bounded, mask_text
from engine.data.records import Problem, Record
from engine.data.rowtable import RowTable, Where
from engine.data.search import find_places

RAW_SHOWN = 4000
TEXT_SHOWN = 20_000
MOST_ROWS = 500
# What rows can be put in order by.
SORTS = ("line", "tokens", "characters", "label", "format", "findings")


@dataclass(frozen=True, slots=True)
class RowView:
    """One line of the file as a page shows it. ``example`` is None for a line that cannot be used; then ``problem``
    says why. ``number`` is the row's key (it is the line, but for JSON arrays); ``findings`` are (code, note)."""

    number: int
    line: int
    format: str
    example: Example | None
    raw: str
    tokens: int | None
    characters: int | None
    problem: Problem | None
    findings: list[tuple[str, str]] = field(default_factory=list)
    group: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """``total`` rows match; these are the ones asked for. ``capped``: a search stopped counting at ``total``, after
    this share of the file (``searched``)."""

    total: int
    rows: list[RowView]
    capped: bool = False
    searched: float = 1.0


def open_audit(file: Path, out_dir: Path) -> AuditView:
    """The audit of ``file`` that was written to ``out_dir``. Raises DataError when it is not there or not whole."""
    try:
        document = json.loads((out_dir / "document.json").read_bytes())
    except (OSError, ValueError):
        raise DataError("The audit of this file is missing or unreadable.", "Audit the file again.") from None
    if "refused" not in document and not (out_dir / "index.sqlite").exists():
        raise DataError("The index of this audit is missing.", "Audit the file again.")
    return AuditView(file, out_dir, document)


class AuditView:
    """Use as a context manager, or call ``close``: it holds the index open once rows were asked for."""

    def __init__(self, file: Path, out_dir: Path, document: dict[str, Any]) -> None:
        self.file = file
        self.out_dir = out_dir
        self.document = document
        self._connection: sqlite3.Connection | None = None
        self._table: RowTable | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> AuditView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._table = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def page(
        self,
        *,
        finding: str | None = None,
        search: str = "",
        where: Where | None = None,
        sort: str = "",
        offset: int = 0,
        limit: int = 50,
    ) -> Page:
        """Rows in the order of the file; those of a finding in the order of its groups; or by ``sort`` (a key of
        SORTS, with a minus for the greatest first). ``where`` narrows them down. ``search`` looks for a text in any
        case, in the order of the file; it stops at 1,000 hits or three seconds (then ``capped``). Rows of a refused
        file: none. Time does not depend on ``offset``."""
        if "refused" in self.document:
            return Page(0, [])
        offset, limit = max(0, offset), max(0, min(limit, MOST_ROWS))
        where = where or Where(finding=finding or "")
        sort = sort if sort.lstrip("-") in SORTS else ""
        table = self.table()
        if search.strip():
            hits = find_places(self.file, table.column("offset"), search.strip(), table.mask(where))
            numbers = table.numbers(np.array(hits.places[offset : offset + limit], np.int64))
            return Page(len(hits.places), self._rows(numbers), hits.capped, hits.searched)
        total, numbers = table.select(where, sort, offset, limit)
        return Page(total, self._rows(numbers, "" if sort else where.finding))

    def table(self) -> RowTable:
        """A few numbers of every row. An audit of an older version has none: it is made for this one reader."""
        if self._table is None:
            if not (self.out_dir / rowtable.FOLDER / "names.json").exists():
                self._scratch = tempfile.TemporaryDirectory(prefix="rows-")
                rowtable.write(self._index(), Path(self._scratch.name))
            self._table = RowTable(Path(self._scratch.name) if self._scratch else self.out_dir / rowtable.FOLDER)
        return self._table

    def row(self, number: int) -> RowView | None:
        """One row by its number; None when there is no such row."""
        return next(iter(self._rows([number])), None)

    def record(self, number: int) -> Record | Problem | None:
        """One row as it stands in the file, not masked: for whoever is about to change it."""
        with self.file.open("rb") as file:
            place = next(index.places(self._index(), [number]), None)
            return read_at(file, self.document["container"], place) if place else None

    def _index(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = index.open_index(self.out_dir / "index.sqlite")
        return self._connection

    def _rows(self, numbers: list[int], grouped: str = "") -> list[RowView]:
        """The rows with these numbers, in this order; with the group of each in the finding ``grouped``."""
        if not numbers:
            return []
        marks = ",".join("?" * len(numbers))
        select = f"select number, line, offset, length, format, tokens, characters from row where number in ({marks})"  # noqa: S608
        found = {row[0]: row for row in self._index().execute(select, numbers)}
        select = f"select number, code, note, group_id from finding_row where number in ({marks}) order by code"  # noqa: S608
        notes: dict[int, list[tuple[str, str]]] = defaultdict(list)
        groups: dict[int, int] = {}
        for number, code, note, group in self._index().execute(select, numbers):
            notes[number].append((code, note))
            if code == grouped and group is not None:
                groups[number] = group
        views = []
        with self.file.open("rb") as file:
            for number in numbers:
                if number in found:
                    record = read_at(file, self.document["container"], found[number][:4])
                    views.append(_view(record, found[number], notes[number], groups.get(number)))
        return views


def _view(record: Any, row: tuple[Any, ...], notes: list[tuple[str, str]], group: int | None) -> RowView:
    number, line, _, _, name, tokens, characters = row
    if isinstance(record, Problem):
        return RowView(number, line, "", None, record.excerpt, None, None, record, notes, group)
    raw = excerpt(record.raw, RAW_SHOWN)
    try:
        name = detect(record.row)
        example = shown(to_example(record.row, name))
    except RowProblem as error:
        found = mask_text(error.found)
        problem = Problem(line, record.offset, error.code, found, error.remedy, raw[:200], number, record.length)
        return RowView(number, line, name, None, raw, tokens, characters, problem, notes, group)
    return RowView(number, line, name, example, raw, tokens, characters, None, notes, group)


def shown(example: Example) -> Example:
    """The example with every text masked and cut at 20,000 characters."""
    return msgspec.structs.replace(
        example,
        messages=mask_bounded(example.messages, TEXT_SHOWN),
        chosen=mask_bounded(example.chosen, TEXT_SHOWN),
        rejected=mask_bounded(example.rejected, TEXT_SHOWN),
        text=mask_bounded(example.text, TEXT_SHOWN),
        tools=mask_bounded(example.tools, TEXT_SHOWN),
    )
