"""What pages read of an audit: its document, and pages of rows through its index. Never the whole file, never torch.

Everything given out has its e-mail addresses masked and is bounded in size; it is still hostile text to be escaped.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from engine.data import index
from engine.data.again import read_at
from engine.data.errors import DataError, RowProblem
from engine.data.example import Example
from engine.data.formats import detect, to_example
from engine.data.mask import excerpt, mask_text
from engine.data.records import Problem
from engine.data.search import find_numbers

RAW_SHOWN = 4000
TEXT_SHOWN = 20_000
MOST_ROWS = 500


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
    """``total`` rows match; these are the ones asked for. ``capped``: a search stopped counting at ``total``."""

    total: int
    rows: list[RowView]
    capped: bool = False


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

    def page(self, *, finding: str | None = None, search: str = "", offset: int = 0, limit: int = 50) -> Page:
        """Rows in the order of the file; those of a finding in the order of its groups. ``search`` looks for a text
        in any case; it stops at 1,000 hits (then ``capped``). Rows of a refused file: none."""
        if "refused" in self.document:
            return Page(0, [])
        offset, limit = max(0, offset), max(0, min(limit, MOST_ROWS))
        if search.strip():
            numbers, capped = find_numbers(self.file, self._index(), search.strip(), finding)
            return Page(
                len(numbers), self._rows([(number, None) for number in numbers[offset : offset + limit]]), capped
            )
        if finding:
            (total,) = self._index().execute("select count(*) from finding_row where code = ?", (finding,)).fetchone()
            wanted = self._index().execute(
                "select number, group_id from finding_row where code = ? order by group_id, number limit ? offset ?",
                (finding, limit, offset),
            )
            return Page(total, self._rows(wanted.fetchall()))
        rows = self.document["rows"]
        wanted = self._index().execute("select number, null from row order by number limit ? offset ?", (limit, offset))
        return Page(rows["usable"] + rows["unusable"], self._rows(wanted.fetchall()))

    def row(self, number: int) -> RowView | None:
        """One row by its number; None when there is no such row."""
        return next(iter(self._rows([(number, None)])), None)

    def _index(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = index.open_index(self.out_dir / "index.sqlite")
        return self._connection

    def _rows(self, wanted: list[tuple[int, int | None]]) -> list[RowView]:
        if not wanted:
            return []
        marks = ",".join("?" * len(wanted))
        numbers = [number for number, _ in wanted]
        select = f"select number, line, offset, length, format, tokens, characters from row where number in ({marks})"  # noqa: S608
        found = {row[0]: row for row in self._index().execute(select, numbers)}
        select = f"select number, code, note from finding_row where number in ({marks}) order by code"  # noqa: S608
        notes: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for number, code, note in self._index().execute(select, numbers):
            notes[number].append((code, note))
        views = []
        with self.file.open("rb") as file:
            for number, group in wanted:
                if number in found:
                    record = read_at(file, self.document["container"], found[number][:4])
                    views.append(_view(record, found[number], notes[number], group))
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
        messages=_bounded(example.messages),
        chosen=_bounded(example.chosen),
        rejected=_bounded(example.rejected),
        text=_bounded(example.text),
        tools=_bounded(example.tools),
    )


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        if len(value) > TEXT_SHOWN:
            value = (
                mask_text(value[: TEXT_SHOWN + 400])[:TEXT_SHOWN] + f"… ({len(value) - TEXT_SHOWN:,} more characters)"
            )
        return mask_text(value)
    if isinstance(value, dict):
        return {mask_text(key): _bounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_bounded(item) for item in value)
    return value
