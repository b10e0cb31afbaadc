"""A repaired copy of a file: rows named by the audit's findings are left out, everything else stays as it stood."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.data.browse import open_audit
from engine.data.checks.structure import UNUSABLE_CODES
from engine.data.errors import DataError
from engine.data.index import open_index
from engine.data.records import Problem, Reader
from engine.data.repairs import Operation, check_operations, load
from engine.data.writer import RowWriter
from engine.events import EventWriter
from engine.job import STOPPED, SUCCEEDED

__all__ = ["UNUSABLE_CODES", "preview", "repair"]

Tick = Callable[[int, int], bool]  # bytes read, bytes in all → go on?


class RepairStopped(Exception):
    """Raised when the tick says no."""


def preview(audit_dir: Path, operations: list[Operation]) -> dict[str, int]:
    """How many rows each finding code would take away. Raises DataError."""
    with _Dropped(audit_dir, operations) as dropped:
        return dropped.counts()


def repair(
    file: Path, audit_dir: Path, operations: list[Operation], out: Path, tick: Tick | None = None
) -> dict[str, Any]:
    """Writes ``out`` as JSON Lines and returns rows_in, rows_out, dropped {code: rows}, sha256, bytes, operations.

    A row that several operations take away counts for the first of them. Blank lines go; line ends become LF and a
    byte order mark goes; a JSON array becomes one row a line. Raises DataError when the file is not the one that
    was audited, or nothing would be left.
    """
    document = audited(file, audit_dir)
    out.parent.mkdir(parents=True, exist_ok=True)
    with _Dropped(audit_dir, operations) as dropped:
        counts = dropped.counts()
        rows = document["rows"]
        if rows["usable"] + rows["unusable"] <= sum(counts.values()):
            raise DataError("These repairs would leave no row.", "Choose fewer of them, or correct the file.")
        reader = reader_of(file, document)
        with RowWriter(out) as writer:
            _copy(reader, dropped.numbers(), writer, tick)
            if reader.tally.sha256 != document["sha256"]:
                raise DataError("The file has changed since it was audited.", "Audit it again, then repair.")
    return {
        "schema_version": 1,
        "rows_in": reader.tally.lines - reader.tally.blank,
        "rows_out": writer.rows,
        "dropped": counts,
        "blank_lines": reader.tally.blank,
        "sha256": writer.sha256,
        "bytes": writer.bytes,
        "operations": operations,
    }


def audited(file: Path, audit_dir: Path) -> dict[str, Any]:
    """The document of the audit of ``file``. Raises DataError when it was refused or is of another file."""
    document = open_audit(file, audit_dir).document
    if "refused" in document:
        raise DataError(document["refused"]["found"], document["refused"]["remedy"])
    if document["file"]["bytes"] != file.stat().st_size:
        raise DataError("The file has changed since it was audited.", "Audit it again.")
    return document


def reader_of(file: Path, document: dict[str, Any]) -> Reader:
    """The rows of an audited file, held as its audit found them; a packed one is unpacked again."""
    packed = bool(document.get("unpacked"))
    return Reader(file, None if packed else document["container"], document["file"]["name"])


class _Dropped:
    """The rows to leave out, gathered in a table of their own on disk, so that memory does not grow with them."""

    def __init__(self, audit_dir: Path, operations: list[Operation]) -> None:
        check_operations(operations)
        self._index = open_index(audit_dir / "index.sqlite")
        self._rows = sqlite3.connect("")  # a private temporary database
        self._rows.execute("create table dropped (number integer primary key, code text)")
        for operation in operations:
            found = load(operation["op"]).rows(self._index, operation)
            self._rows.executemany("insert or ignore into dropped values (?, ?)", found)

    def counts(self) -> dict[str, int]:
        return dict(self._rows.execute("select code, count(*) from dropped group by code order by code"))

    def numbers(self) -> Iterator[int]:
        return (number for (number,) in self._rows.execute("select number from dropped order by number"))

    def __enter__(self) -> _Dropped:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()
        self._index.close()


def _copy(reader: Reader, dropped: Iterator[int], writer: RowWriter, tick: Tick | None) -> None:
    total = reader.path.stat().st_size
    next_dropped = next(dropped, 0)
    for item in reader:
        if item.number == next_dropped:
            next_dropped = next(dropped, 0)
        elif isinstance(item, Problem):
            writer.copy(reader.path, item)
        else:
            writer.write(item, as_it_stood=reader.container != "text")
        if tick and item.number % 1000 == 0 and not tick(reader.tally.bytes_read, total):
            raise RepairStopped


def ticker(events: EventWriter, control: Control) -> Tick:
    """Emits progress about twice a second; says no when the job should end."""
    started = last = time.monotonic()

    def tick(done: int, total: int) -> bool:
        nonlocal last
        now = time.monotonic()
        if now - last < 0.5:
            return True
        last = now
        eta = (now - started) * (total - done) / done if done else 0.0
        events.emit("progress", step=done, total=total, unit="bytes", eta_s=round(eta, 1))
        return not (control.wanted() or control.orphaned())

    return tick


def repair_body(spec: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    """The body of ``python -m engine repair RUN_DIR``: writes ``out`` and RUN_DIR/result.json."""
    out = Path(spec.get("out") or run_dir / "repaired.jsonl")
    events.emit("status", state="running", text="Writing the repaired rows.")
    try:
        result = repair(Path(spec["file"]), Path(spec["audit"]), list(spec["operations"]), out, ticker(events, control))
    except RepairStopped:
        events.emit("done", stopped=True)
        return STOPPED
    (run_dir / "result.json").write_text(json.dumps(result, indent=2))
    events.emit("done", **{name: result[name] for name in ("rows_in", "rows_out", "dropped", "sha256", "bytes")})
    return SUCCEEDED
