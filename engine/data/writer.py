"""Rows written as JSON Lines: as they stood in the file where they can, with the digest kept on the way."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from engine.data.records import Problem, Record, row_id

CHUNK = 1 << 20


class RowWriter:
    """Writes ``path`` (and, with ``with_ids``, ``path.ids``: one row identity a line). Use as a context manager:
    the files appear under their names only when the block ends without an error."""

    def __init__(self, path: Path, with_ids: bool = False) -> None:
        self.path = path
        self.rows = self.bytes = 0
        self._digest = hashlib.sha256()
        self._part = path.with_name(path.name + ".part")
        self._file = self._part.open("wb")
        self._ids_path = path.with_suffix(".ids")
        self._ids_part = self._ids_path.with_name(self._ids_path.name + ".part")
        self._ids = self._ids_part.open("w") if with_ids else None

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, record: Record, as_it_stood: bool = True) -> None:
        """One row. ``as_it_stood`` False, or a row over several lines (an array's element), is written anew."""
        raw = record.raw
        if not as_it_stood or b"\n" in raw or b"\r" in raw[:-1]:
            raw = orjson.dumps(record.row)
        self._write(raw.strip() + b"\n")
        if self._ids is not None:
            self._ids.write(record.row_id + "\n")
        self.rows += 1

    def add(self, row: dict[str, Any]) -> None:
        """One row that is new or was changed."""
        self._write(orjson.dumps(row) + b"\n")
        if self._ids is not None:
            self._ids.write(row_id(row) + "\n")
        self.rows += 1

    def line(self, raw: bytes) -> None:
        """One row that is written as a line already (its line feed with it)."""
        self._write(raw)
        self.rows += 1

    def copy(self, source: Path, problem: Problem) -> None:
        """A line that cannot be read, byte for byte (its line feeds become blanks), however long it is."""
        with source.open("rb") as file:
            file.seek(problem.offset)
            left = problem.length
            while left and (chunk := file.read(min(CHUNK, left))):
                left -= len(chunk)
                self._write(chunk.replace(b"\n", b" "))
        self._write(b"\n")
        self.rows += 1

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self.bytes += len(data)

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._ids is not None:
            self._ids.close()
        parts = [(self._part, self.path)] + ([(self._ids_part, self._ids_path)] if self._ids is not None else [])
        for part, final in parts:
            if kind is None:
                part.replace(final)
            else:
                part.unlink(missing_ok=True)
