"""A repaired copy of a file: rows are taken away, changed and added as operations say; others stay as they stood.

One pass, in bounded memory. The order of work is always: rows taken away, rows changed (in the order of the
operations), rows added, and, when an operation asks for it, all rows shuffled.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.data.browse import open_audit
from engine.data.checks.structure import UNUSABLE_CODES
from engine.data.errors import DataError
from engine.data.records import Problem, Reader
from engine.data.repairs import Operation, settings_of
from engine.data.repairs.work import ChangeLog, Work
from engine.data.shuffled import shuffle
from engine.data.writer import RowWriter
from engine.events import EventWriter
from engine.job import STOPPED, SUCCEEDED

__all__ = ["UNUSABLE_CODES", "repair"]

Tick = Callable[[int, int], bool]  # bytes read, bytes in all → go on?


class RepairStopped(Exception):
    """Raised when the tick says no."""


def repair(
    file: Path,
    audit_dir: Path,
    operations: list[Operation],
    out: Path,
    tick: Tick | None = None,
    files: dict[str, Path] | None = None,
) -> dict[str, Any]:
    """Writes ``out`` as JSON Lines and ``changes.jsonl`` beside it, and returns the result:

    rows_in, rows_out, dropped {code: rows}, changed {op: rows}, added {source: rows}, sha256, bytes, operations, notes;
    rows_in - dropped + added = rows_out. A row that several operations take away counts for the first of them. Blank
    lines go; line ends become LF and a byte order mark goes; a JSON array becomes one row a line. ``changes.jsonl``
    has {number, line, op, before_id, after_ids} of each row that was taken away, changed or added. Raises DataError
    when the file is not the one that was audited, or nothing would be left.
    """
    document = audited(file, audit_dir)
    out.parent.mkdir(parents=True, exist_ok=True)
    with Work(reader_of(file, document), document, audit_dir, operations, files or {}) as work:
        work.take_away()
        if work.total <= work.gone and not list(work.adding()):
            raise DataError("These repairs would leave no row.", "Choose fewer of them, or correct the file.")
        seed = work.shuffle_seed
        first = out if seed is None else out.with_name(out.name + ".ordered")
        with RowWriter(first) as writer, ChangeLog(out.with_name("changes.jsonl")) as log:
            _copy(work, writer, log, tick)
            tally = work.context.reader.tally
            if tally.sha256 != document["sha256"]:
                raise DataError("The file has changed since it was audited.", "Audit it again, then repair.")
            _add(work, writer, log, tick)
            if not writer.rows:
                raise DataError("These repairs would leave no row.", "Choose fewer of them, or correct the file.")
        if seed is not None:
            writer = shuffle(first, out, seed)
    return {
        "schema_version": 1,
        "rows_in": tally.lines - tally.blank,
        "rows_out": writer.rows,
        "dropped": dict(sorted(work.dropped.items())),
        "changed": dict(sorted(work.changed.items())),
        "added": dict(sorted(work.added.items())),
        "notes": work.context.notes,
        "blank_lines": tally.blank,
        "sha256": writer.sha256,
        "bytes": writer.bytes,
        "operations": operations,
    }


def taken_away(file: Path, audit_dir: Path, operations: list[Operation], ids: Collection[str]) -> set[str]:
    """Those of the row identities ``ids`` of which these operations leave no row. Raises DataError."""
    document = audited(file, audit_dir)
    with Work(reader_of(file, document), document, audit_dir, operations, {}) as work:
        work.take_away()
        return set(ids) - work.left(ids)


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


def _copy(work: Work, writer: RowWriter, log: ChangeLog, tick: Tick | None) -> None:
    """Every row of the file: left out, changed, or as it stood."""
    reader = work.context.reader
    total = reader.path.stat().st_size
    gone = work.gone_in_order()
    next_gone, op = next(gone, (0, ""))
    for item in reader:
        if item.number == next_gone:
            log.taken(item, op)
            next_gone, op = next(gone, (0, ""))
        elif isinstance(item, Problem):
            if mended := work.mend(item):
                writer.add(mended[1])
                log.mended(item, *mended)
            else:
                writer.copy(reader.path, item)
        else:
            rows, ops = work.change(item)
            for row in rows:
                if row is item.row:
                    writer.write(item, as_it_stood=reader.container != "text")
                else:
                    writer.add(row)
            if ops:
                log.changed(item, ops, rows)
        if tick and item.number % 1000 == 0 and not tick(reader.tally.bytes_read, total):
            raise RepairStopped
    work.check_lines()


def _add(work: Work, writer: RowWriter, log: ChangeLog, tick: Tick | None) -> None:
    for _, operation, module in work.adding():
        work.context.kept = writer.rows
        for row, source in module.added(settings_of(operation), work.context):
            writer.add(row)
            work.added[source] += 1
            log.new(row, operation["op"])
            if tick and writer.rows % 1000 == 0 and not tick(1, 1):
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
    """The body of ``python -m engine repair RUN_DIR``: writes ``out``, changes.jsonl beside it, RUN_DIR/result.json."""
    out = Path(spec.get("out") or run_dir / "repaired.jsonl")
    files = {key: Path(path) for key, path in (spec.get("files") or {}).items()}
    events.emit("status", state="running", text="Writing the repaired rows.")
    tick = ticker(events, control)
    try:
        result = repair(Path(spec["file"]), Path(spec["audit"]), list(spec["operations"]), out, tick, files)
    except RepairStopped:
        events.emit("done", stopped=True)
        return STOPPED
    (run_dir / "result.json").write_text(json.dumps(result, indent=2))
    told = ("rows_in", "rows_out", "dropped", "changed", "added", "sha256", "bytes")
    events.emit("done", **{name: result[name] for name in told})
    return SUCCEEDED
