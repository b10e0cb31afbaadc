"""What a repair would do, before it is done: counts, and rows as they are and would be. It takes a bounded time."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from engine.data.again import read_at
from engine.data.index import places
from engine.data.mask import mask_bounded
from engine.data.records import Problem, Record
from engine.data.repair import audited, reader_of
from engine.data.repairs import Operation, load, settings_of
from engine.data.repairs.context import NOT_GONE
from engine.data.repairs.work import Work
from engine.errors import EngineError

LIMIT = 5
MOST_ROWS, MOST_SECONDS = 2000, 0.6
TEXT_SHOWN = 2000
REFUSED = 2


def preview(
    file: Path,
    audit_dir: Path,
    operations: list[Operation],
    files: dict[str, Path] | None = None,
    limit: int = LIMIT,
) -> dict[str, Any]:
    """Counts and at most ``limit`` examples of each kind an operation; texts are masked and cut at 2,000 characters.

    ``rows_in`` and each ``dropped`` of rows taken away are exact, as is ``flagged``: the rows that an operation will
    touch by the audit's index (null: the index does not say). ``looked_at`` rows from the start of the file (at most
    2,000, for at most 0.6 seconds) were put through the changes: ``changed``, ``left_out`` and ``more`` of an
    operation are of those, and exact when ``whole``. ``rows_out`` is null when it is not known without the whole
    pass. ``examples``: {kind: dropped | changed | added, ops, number, line, before, after: [rows]}. Raises DataError.
    """
    document = audited(file, audit_dir)
    with Work(reader_of(file, document), document, audit_dir, operations, files or {}) as work:
        work.context.quick = True
        work.take_away()
        examples = _dropped(work, limit)
        flagged = _flagged(work, examples, limit)
        looked_at = _look(work, examples, limit)
        left = work.total - work.gone
        whole = looked_at == left
        work.context.kept = left
        new = _added(work, examples, limit)
        return {
            "schema_version": 1,
            "rows_in": work.total,
            "rows_out": _rows_out(work, whole, new),
            "looked_at": looked_at,
            "whole": whole,
            "operations": [_of_one(work, place, operation, flagged, new) for place, operation in enumerate(operations)],
            "examples": examples,
            "notes": work.context.notes,
        }


def _of_one(
    work: Work, place: int, operation: Operation, flagged: dict[int, int], new: dict[int, int | None]
) -> dict[str, Any]:
    op = operation["op"]
    taken = work.context.index.execute("select code, count(*) from temp.gone where op = ? group by code", (op,))
    return {
        "op": op,
        "title": load(op).TITLE,
        "dropped": dict(taken.fetchall()),
        "flagged": flagged.get(place),
        "changed": work.changed[op],
        "left_out": work.dropped[op],
        "more": work.added[op],
        "added": new.get(place, 0),
    }


def _rows_out(work: Work, whole: bool, new: dict[int, int | None]) -> int | None:
    added = list(new.values())
    if None in added or (work.resizes and not whole):
        return None
    extra = sum(work.added.values()) - sum(work.dropped[op] for op in work.changing)
    return work.total - work.gone + extra + sum(count or 0 for count in added)


def _dropped(work: Work, limit: int) -> list[dict[str, Any]]:
    """The first rows that each operation takes away."""
    examples = []
    index = work.context.index
    for (op,) in index.execute("select distinct op from temp.gone").fetchall():
        select = "select number from temp.gone where op = ? order by number limit ?"
        for item in _read(work, [number for (number,) in index.execute(select, (op, limit))]):
            examples.append(_example("dropped", [op], item, []))
    return examples


def _flagged(work: Work, examples: list[dict[str, Any]], limit: int) -> dict[int, int]:
    """Exact counts from the index, and examples of those rows: the first rows of a file may well have none."""
    counts: dict[int, int] = {}
    for place, numbers in work.touched():
        first = list(islice(numbers, 4 * limit))
        counts[place] = len(first) + sum(1 for _ in numbers)
        for item in _read(work, first):
            if isinstance(item, Record):
                _show_change(work, item, examples, limit)
    work.forget_counts()
    return counts


def _look(work: Work, examples: list[dict[str, Any]], limit: int) -> int:
    """The changes tried on the first rows that are left; returns on how many."""
    if not work.changing:
        return work.total - work.gone
    ends = time.monotonic() + MOST_SECONDS
    select = f"select number from row f where {NOT_GONE} order by number limit ?"  # noqa: S608
    numbers = [number for (number,) in work.context.index.execute(select, (MOST_ROWS,))]
    looked_at = 0
    for item in _read(work, numbers):
        looked_at += 1
        if isinstance(item, Record):
            _show_change(work, item, examples, limit)
        if time.monotonic() > ends:
            break
    return looked_at


def _show_change(work: Work, record: Record, examples: list[dict[str, Any]], limit: int) -> None:
    rows, ops = work.change(record)
    shown = [each for each in examples if each["kind"] == "changed"]
    if any(each["number"] == record.number for each in shown):
        return
    if any(sum(op in each["ops"] for each in shown) < limit for op in ops):
        examples.append(_example("changed", ops, record, rows))


def _added(work: Work, examples: list[dict[str, Any]], limit: int) -> dict[int, int | None]:
    """Place of the operation → how many rows it adds (None: not known without reading all of the other file)."""
    counts: dict[int, int | None] = {}
    for place, operation, module in work.adding():
        settings = settings_of(operation)
        counts[place] = module.expected(settings, work.context)
        for row, _ in islice(module.added(settings, work.context), limit):
            examples.append(_example("added", [operation["op"]], None, [row]))
    return counts


def _read(work: Work, numbers: list[int]) -> Iterator[Record | Problem]:
    reader = work.context.reader
    with reader.path.open("rb") as file:
        for place in places(work.context.index, numbers):
            yield read_at(file, reader.container, place)


def _example(kind: str, ops: list[str], item: Record | Problem | None, rows: list[dict[str, Any]]) -> dict[str, Any]:
    before: Any = item.row if isinstance(item, Record) else item.excerpt if item else None
    place = {"number": item.number, "line": item.line} if item else {"number": None, "line": None}
    shown = {"before": mask_bounded(before, TEXT_SHOWN), "after": mask_bounded(rows, TEXT_SHOWN)}
    return {"kind": kind, "ops": ops, **place, **shown}


def preview_main(argv: list[str]) -> int:
    """``preview RUN_DIR|SPEC.json [--limit N]``: a spec of kind repair → what it would do, as JSON on stdout.

    Exit codes: 0, or 2 with {"refused": {"found", "remedy"}}.
    """
    parser = argparse.ArgumentParser(prog="python -m engine preview")
    parser.add_argument("spec", type=Path, metavar="RUN_DIR|SPEC.json")
    parser.add_argument("--limit", type=int, default=LIMIT, help="examples of each kind an operation")
    options = parser.parse_args(argv)
    spec = json.loads((options.spec / "spec.json" if options.spec.is_dir() else options.spec).read_text())
    files = {key: Path(path) for key, path in (spec.get("files") or {}).items()}
    try:
        made = preview(Path(spec["file"]), Path(spec["audit"]), list(spec["operations"]), files, options.limit)
    except EngineError as error:
        print(json.dumps({"refused": {"found": error.text, "remedy": error.remedy}}))
        return REFUSED
    print(json.dumps(made))
    return 0
