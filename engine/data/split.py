"""Train, validation and test: seeded, stratified where rows have classes, and no duplicate on two sides.

A row's place depends on the seed and on the row's identity, not on where it stands in the file.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.control import Control
from engine.data.errors import DataError
from engine.data.index import open_index
from engine.data.records import Problem, Reader
from engine.data.repair import RepairStopped, Tick, audited, reader_of, ticker
from engine.data.writer import RowWriter
from engine.events import EventWriter
from engine.job import STOPPED, SUCCEEDED

PARTS = ("train", "validation", "test")
# Fewer held-out rows than this show no difference between two models, whatever they are.
LEAST_HELD_OUT = 16
# Rows of one group stay together. The same prompt with other answers counts too: it would leak the question.
GROUPING_CODES = ("exact_duplicate", "normalised_duplicate", "conflicting_answers", "near_duplicate")
LEFT_OUT = 255


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """``fractions`` of train, validation and test (they are scaled to one; 0 for a part that is not wanted)."""

    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 42

    def __post_init__(self) -> None:
        if len(self.fractions) != 3 or any(not 0 <= part <= 1 for part in self.fractions) or self.fractions[0] <= 0:
            raise DataError(
                f"The fractions {self.fractions} do not part a file.", "Give three shares from 0 to 1, train above 0."
            )

    @classmethod
    def of(cls, fractions: Mapping[str, float], seed: int = 42) -> SplitOptions:
        train, validation, test = (float(fractions.get(name, 0.0)) for name in PARTS)
        return cls((train, validation, test), seed)

    def sizes(self, rows: int) -> tuple[int, int, int]:
        """Rows of each part: held-out parts get their share, and at least 16. Raises DataError when the file is too
        small to spare them and keep at least as many for training."""
        total = sum(self.fractions)
        held = [max(LEAST_HELD_OUT, round(rows * part / total)) if part else 0 for part in self.fractions[1:]]
        train = rows - sum(held)
        if train < max(LEAST_HELD_OUT, max(held)) and any(held):
            need = LEAST_HELD_OUT * (1 + sum(1 for part in held if part))
            found = f"{rows} usable rows are too few to hold back {' and '.join(map(str, filter(None, held)))}."
            raise DataError(found, f"Collect at least {need} rows, or leave out the test part.")
        return train, held[0], held[1]


def split(file: Path, audit_dir: Path, options: SplitOptions, out: Path, tick: Tick | None = None) -> dict[str, Any]:
    """Writes out/{train,validation,test}.jsonl with .ids beside them and returns the result (counts, digests, groups).

    Unusable rows are left out and counted. Same file, options and seed: same parts. Raises DataError.
    """
    document = audited(file, audit_dir)
    connection = open_index(audit_dir / "index.sqlite")
    try:
        sizes = options.sizes(document["rows"]["usable"])
        places, groups = assign(connection, sizes, options.seed, bool(document["label_balance"]))
    finally:
        connection.close()
    wanted = [number for number, size in enumerate(sizes) if size]
    out.mkdir(parents=True, exist_ok=True)
    reader = reader_of(file, document)
    with ExitStack() as stack:
        writers = {
            number: stack.enter_context(RowWriter(out / f"{PARTS[number]}.jsonl", with_ids=True)) for number in wanted
        }
        _write(reader, places, writers, tick)
        if reader.tally.sha256 != document["sha256"]:
            raise DataError("The file has changed since it was audited.", "Audit it again, then split.")
    parts = {
        PARTS[number]: {"file": writer.path.name, "rows": writer.rows, "bytes": writer.bytes, "sha256": writer.sha256}
        for number, writer in writers.items()
    }
    return {
        "schema_version": 1,
        "seed": options.seed,
        "fractions": dict(zip(PARTS, options.fractions, strict=True)),
        "parts": parts,
        "left_out": int(document["rows"]["unusable"]),
        "groups_kept_together": groups,
        "stratified_by": "label" if document["label_balance"] else None,
        "source_sha256": document["sha256"],
    }


def assign(
    connection: sqlite3.Connection, sizes: tuple[int, int, int], seed: int, stratify: bool
) -> tuple[NDArray[np.uint8], int]:
    """For each row number its part (0 train, 1 validation, 2 test, 255 left out), and how many groups were kept whole.

    Units (a group, or a single row) are ordered by where they stand inside their class, classes side by side, so
    that any stretch of that order has the classes' own shares; the held-out parts are cut from its start. A group
    too large for what is still wanted goes on to the next part. Raises DataError when duplicates leave too little.
    """
    (last,) = connection.execute("select coalesce(max(number), 0) from row").fetchone()
    roots = np.arange(last + 1, dtype=np.int64)
    for rows in _groups(connection):
        _join(roots, rows)
    numbers, keys, labels = _rows(connection, seed, stratify)
    roots = _flatten(roots)
    order = np.lexsort((keys, labels[roots[numbers]], roots[numbers] != numbers))
    ordered = numbers[order]
    units = ordered[roots[ordered] == ordered]
    members = np.bincount(roots[numbers], minlength=last + 1)
    unit_labels = labels[units]
    positions = _positions(unit_labels)
    unit_keys = np.zeros(last + 1, dtype=np.uint64)
    unit_keys[numbers] = keys
    sequence = units[np.lexsort((unit_keys[units], positions))]
    part_of = np.full(last + 1, LEFT_OUT, dtype=np.uint8)
    left = {2: sizes[2], 1: sizes[1]}
    for unit in sequence.tolist():
        size = int(members[unit])
        part = next((part for part, room in left.items() if size <= room), 0)
        if part:
            left[part] -= size
        part_of[unit] = part
    part_of[numbers] = part_of[roots[numbers]]
    _check_sizes(part_of, sizes)
    return part_of, int((members > 1).sum())


def _groups(connection: sqlite3.Connection) -> Iterator[list[int]]:
    marks = ",".join("?" * len(GROUPING_CODES))
    select = f"select code, group_id, number from finding_row where code in ({marks}) order by code, group_id, number"  # noqa: S608
    held: list[int] = []
    present: tuple[str, int] | None = None
    for code, group, number in connection.execute(select, GROUPING_CODES):
        if (code, group) != present:
            if len(held) > 1:
                yield held
            held, present = [], (code, group)
        held.append(number)
    if len(held) > 1:
        yield held


def _find(roots: NDArray[np.int64], number: int) -> int:
    while roots[number] != number:
        roots[number] = roots[roots[number]]
        number = int(roots[number])
    return number


def _join(roots: NDArray[np.int64], rows: list[int]) -> None:
    """Union-find, the smallest number being the root."""
    found = [_find(roots, number) for number in rows]
    root = min(found)
    for other in found:
        roots[other] = root


def _flatten(roots: NDArray[np.int64]) -> NDArray[np.int64]:
    while True:
        flatter = roots[roots]
        if np.array_equal(flatter, roots):
            return roots
        roots = flatter


def _rows(
    connection: sqlite3.Connection, seed: int, stratify: bool
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """Numbers of the usable rows, a key for each that depends on seed and row identity, and a class by number."""
    (count,) = connection.execute("select count(*) from row where usable = 1").fetchone()
    (last,) = connection.execute("select coalesce(max(number), 0) from row").fetchone()
    numbers, keys = np.zeros(count, np.int64), np.zeros(count, np.uint64)
    labels = np.zeros(last + 1, np.int64)
    known: dict[str | None, int] = {}
    salt = f"split:{seed}:".encode()
    for place, (number, row_id, label) in enumerate(
        connection.execute("select number, row_id, label from row where usable = 1 order by number")
    ):
        numbers[place] = number
        keys[place] = int.from_bytes(hashlib.sha256(salt + row_id).digest()[:8], "big")
        if stratify:
            labels[number] = known.setdefault(label, len(known))
    return numbers, keys, labels


def _positions(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """For units ordered by class: where each stands inside its class, from 0 to 1."""
    if not len(labels):
        return np.zeros(0)
    _, starts, counts = np.unique(labels, return_index=True, return_counts=True)
    firsts, sizes = np.repeat(starts, counts), np.repeat(counts, counts)
    return (np.arange(len(labels)) - firsts + 0.5) / sizes


def _check_sizes(part_of: NDArray[np.uint8], sizes: tuple[int, int, int]) -> None:
    counts = np.bincount(part_of, minlength=256)
    for part, wanted in enumerate(sizes):
        if wanted and counts[part] < min(wanted, LEAST_HELD_OUT):
            found = f"Rows that belong together leave only {counts[part]} for {PARTS[part]}."
            raise DataError(found, "Remove the duplicates first, or collect more rows.")


def _write(reader: Reader, places: NDArray[np.uint8], writers: dict[int, RowWriter], tick: Tick | None) -> None:
    total = reader.path.stat().st_size
    for item in reader:
        part = int(places[item.number])
        if part != LEFT_OUT and not isinstance(item, Problem):
            writers[part].write(item, as_it_stood=reader.container != "text")
        if tick and item.number % 1000 == 0 and not tick(reader.tally.bytes_read, total):
            raise RepairStopped


def split_body(spec: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    """The body of ``python -m engine split RUN_DIR``: writes ``out`` and its result.json."""
    out = Path(spec.get("out") or run_dir / "split")
    options = SplitOptions.of(
        spec.get("fractions") or dict(zip(PARTS, SplitOptions().fractions, strict=True)), int(spec.get("seed", 42))
    )
    events.emit("status", state="running", text="Writing the parts.")
    try:
        result = split(Path(spec["file"]), Path(spec["audit"]), options, out, ticker(events, control))
    except RepairStopped:
        events.emit("done", stopped=True)
        return STOPPED
    (out / "result.json").write_text(json.dumps(result, indent=2))
    events.emit(
        "done", parts={name: part["rows"] for name, part in result["parts"].items()}, left_out=result["left_out"]
    )
    return SUCCEEDED
