"""Train, validation and test: seeded, frozen by row identities, and no duplicate on two sides.

How rows are parted is the work of engine/data/splits. A row's place depends on the seed and on the row's identity (or
on its time, its group), not on where it stands in the file.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.control import Control
from engine.data.errors import DataError, RowProblem
from engine.data.formats import detect, to_example
from engine.data.index import open_index
from engine.data.mask import mask_text
from engine.data.pairs import Pairs, read
from engine.data.records import Problem, Reader, Record
from engine.data.repair import RepairStopped, Tick, audited, reader_of, ticker
from engine.data.splits import LEFT_OUT, PARTS, STRATEGIES, Places, Strategy, load
from engine.data.splits.crossing import across
from engine.data.splits.measure import leaks_between
from engine.data.splits.rows import LEAST_HELD_OUT, Ask, Rows, read_rows, shares
from engine.data.writer import RowWriter
from engine.events import EventWriter
from engine.job import STOPPED, SUCCEEDED

NAME_SHOWN = 80
# Placing anew moves few rows, and so finds few new pairs: two rounds have been enough for every public set.
MOST_ROUNDS = 4
# Jaccard similarity at which rows stay on one side: the first that leaves enough rows for every part.
LIKENESS = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """``fractions`` of train, validation and test (they are scaled to one; 0 for a part that is not wanted).

    ``strategy`` is a key of STRATEGIES; ``column`` a column of the rows, for those that ask for one; ``drop_leaked``
    leaves rows that stand in a test file of its own out of training. Raises DataError.
    """

    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 42
    strategy: str = next(iter(STRATEGIES))
    column: str = ""
    drop_leaked: bool = True

    def __post_init__(self) -> None:
        if len(self.fractions) != 3 or any(not 0 <= part <= 1 for part in self.fractions) or self.fractions[0] <= 0:
            raise DataError(
                f"The fractions {self.fractions} do not part a file.", "Give three shares from 0 to 1, train above 0."
            )
        if load(self.strategy).COLUMN == "needed" and not self.column:
            raise DataError("No column was chosen to split by.", "Choose one of the columns of the file.")

    @classmethod
    def of(cls, fractions: Mapping[str, float], seed: int = 42, **more: Any) -> SplitOptions:
        train, validation, test = (float(fractions.get(name, 0.0)) for name in PARTS)
        return cls((train, validation, test), seed, **more)

    def sizes(self, rows: int) -> tuple[int, int, int]:
        """Rows of each part: held-out parts get their share, and at least 16; a test file of its own takes none.
        Raises DataError when the file is too small to spare them and keep at least as many for training."""
        fractions = (*self.fractions[:2], 0.0) if load(self.strategy).FILE else self.fractions
        total = sum(fractions)
        held = [max(LEAST_HELD_OUT, round(rows * part / total)) if part else 0 for part in fractions[1:]]
        train = rows - sum(held)
        if train < max(LEAST_HELD_OUT, max(held)) and any(held):
            need = LEAST_HELD_OUT * (1 + sum(1 for part in held if part))
            found = f"{rows} usable rows are too few to hold back {' and '.join(map(str, filter(None, held)))}."
            raise DataError(found, f"Collect at least {need} rows, or leave out the test part.")
        return train, held[0], held[1]


def split(
    file: Path,
    audit_dir: Path,
    options: SplitOptions,
    out: Path,
    tick: Tick | None = None,
    test: Path | None = None,
) -> dict[str, Any]:
    """Writes out/{train,validation,test}.jsonl with .ids beside them and returns the result: counts, digests, groups,
    and what the way of splitting tells. ``test`` is the test part of the way ``file``.

    Unusable rows are left out and counted. Same file, options and seed: same parts. Raises DataError.
    """
    document = audited(file, audit_dir)
    sizes = options.sizes(document["rows"]["usable"])
    with closing(open_index(audit_dir / "index.sqlite")) as connection:
        rows = read_rows(connection, options.seed, bool(document["label_balance"]))
        pairs = read(connection) or Pairs.none()
    strategy = load(options.strategy)
    fresh = not out.exists()
    out.mkdir(parents=True, exist_ok=True)

    def records() -> Iterator[Record | Problem]:
        return _ticked(reader_of(file, document), tick)

    ask = Ask(sizes, options.column, test if strategy.FILE else None, records, out, options.drop_leaked)
    try:
        rows, places, told, alike = _apart(rows, pairs, ask, strategy, sizes)
    except DataError:
        if fresh:
            shutil.rmtree(out)
        raise
    quality = _quality(rows, places, told)
    result = _write_parts(reader_of(file, document), document, places, ask, tick)
    with closing(open_index(audit_dir / "index.sqlite")) as connection:
        leaks = _leaks(connection, rows, places, result["parts"], ask)
    return {
        "schema_version": 1,
        "seed": options.seed,
        "strategy": options.strategy,
        "column": options.column,
        "fractions": dict(zip(PARTS, options.fractions, strict=True)),
        "left_out": int(document["rows"]["unusable"]),
        "groups_kept_together": rows.groups_kept(),
        "shares": quality,
        "source_sha256": document["sha256"],
        "stratified_by": None,
        "alike": alike,
        "leaks": leaks,
        **told,
        **result,
    }


def _apart(
    rows: Rows, pairs: Pairs, ask: Ask, strategy: Strategy, sizes: tuple[int, int, int]
) -> tuple[Rows, Places, dict[str, Any], dict[str, Any]]:
    """The rows with what belongs together, their places, what the way tells of them, and how alike the sides are.

    Rows alike at the first of ``LIKENESS`` are on one side; where such rows are so many that a part would be left
    without, at the next. Raises DataError when none will do.
    """
    for likeness in LIKENESS:
        tried = replace(rows, roots=rows.roots.copy())
        tried.join_pairs(pairs.of(pairs.likeness >= likeness))
        places, told, alike = _parted(tried, ask, strategy, likeness)
        try:
            _check_sizes(places, sizes)
        except DataError:
            if likeness == LIKENESS[-1]:
                raise
            continue
        return tried, places, told, alike
    raise AssertionError("LIKENESS is empty")


def _parted(rows: Rows, ask: Ask, strategy: Strategy, likeness: float) -> tuple[Places, dict[str, Any], dict[str, Any]]:
    """While rows on two sides are that alike, they are put together and all is placed anew."""
    joined = 0
    for tried in range(MOST_ROUNDS + 1):
        places, told = strategy.place(rows, ask)
        found = across(rows, places, ask.records)
        wrong = found.pairs.likeness >= likeness
        if tried == MOST_ROUNDS or not wrong.any():
            break
        joined += int(wrong.sum())
        rows.join_pairs(found.pairs.of(wrong))
    return places, told, found.as_json(likeness, joined)


def _leaks(
    connection: sqlite3.Connection, rows: Rows, places: Places, parts: dict[str, Any], ask: Ask
) -> dict[str, Any]:
    """What stands in two parts, measured on the parts as written. A test file of its own was compared before."""
    held = {name: part["rows"] for name, part in parts.items() if not (ask.test and name == "test")}
    numbers = {name: rows.numbers[places[rows.numbers] == at] for at, name in enumerate(PARTS)}

    def place_of(name: str, at: int) -> tuple[int, int]:
        number = int(numbers[name][at - 1])
        return number, int(connection.execute("select line from row where number = ?", (number,)).fetchone()[0])

    return leaks_between(ask.out, held, place_of)


def _write_parts(
    reader: Reader, document: dict[str, Any], places: Places, ask: Ask, tick: Tick | None
) -> dict[str, Any]:
    """Parts with rows, bytes and digest; ``test_unusable``: lines of a test file of its own that cannot be used."""
    wanted = [number for number, size in enumerate(ask.sizes) if size] + ([2] if ask.test else [])
    unusable = 0
    with ExitStack() as stack:
        writers = {
            number: stack.enter_context(RowWriter(ask.out / f"{PARTS[number]}.jsonl", with_ids=True))
            for number in wanted
        }
        for item in _ticked(reader, tick):
            part = int(places[item.number])
            if part != LEFT_OUT and not isinstance(item, Problem):
                writers[part].write(item, as_it_stood=reader.container != "text")
        if reader.tally.sha256 != document["sha256"]:
            raise DataError("The file has changed since it was audited.", "Audit it again, then split.")
        if ask.test is not None:
            unusable = _copy_usable(Reader(ask.test), writers[2])
    parts = {
        PARTS[number]: {"file": writer.path.name, "rows": writer.rows, "bytes": writer.bytes, "sha256": writer.sha256}
        for number, writer in writers.items()
    }
    return {"parts": parts, **({"test_unusable": unusable} if ask.test else {})}


def _copy_usable(reader: Reader, writer: RowWriter) -> int:
    unusable = 0
    for item in reader:
        try:
            if isinstance(item, Problem):
                raise RowProblem(item.code, item.found, item.remedy)
            to_example(item.row, detect(item.row))
            writer.write(item, as_it_stood=reader.container != "text")
        except RowProblem:
            unusable += 1
    if not writer.rows:
        raise DataError("The test file has no row that can be used.", "Choose another, or read it as another shape.")
    return unusable


def _quality(rows: Rows, places: Places, told: dict[str, Any]) -> dict[str, Any] | None:
    """The largest classes with their rows in each part: by the column it was stratified by, else by label."""
    classes, names = told.pop("classes", rows.labels), told.pop("class_names", rows.label_names)
    if len(names) < 2:
        return None
    found = [{**row, "value": mask_text(row["value"])[:NAME_SHOWN]} for row in shares(rows, places, classes, names)]
    return {"by": told.get("stratified_by") or "label", "distinct": len(names), "values": found}


def _check_sizes(places: Places, sizes: tuple[int, int, int]) -> None:
    counts = np.bincount(places, minlength=256)
    for part, wanted in enumerate(sizes):
        if wanted and counts[part] < min(wanted, LEAST_HELD_OUT):
            found = f"Rows that belong together leave only {counts[part]} for {PARTS[part]}."
            raise DataError(found, "Remove the duplicates first, split in another way, or collect more rows.")


def _ticked(reader: Reader, tick: Tick | None) -> Iterator[Record | Problem]:
    total = reader.path.stat().st_size
    for item in reader:
        yield item
        if tick and item.number % 1000 == 0 and not tick(reader.tally.bytes_read, total):
            raise RepairStopped


def split_body(spec: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    """The body of ``python -m engine split RUN_DIR``: writes ``out`` and its result.json."""
    out = Path(spec.get("out") or run_dir / "split")
    asked = spec.get("options") or {}
    options = SplitOptions.of(
        spec.get("fractions") or dict(zip(PARTS, SplitOptions().fractions, strict=True)),
        int(spec.get("seed", 42)),
        **{name: asked[name] for name in ("strategy", "column", "drop_leaked") if name in asked},
    )
    test = (spec.get("files") or {}).get("test")
    events.emit("status", state="running", text="Writing the parts.")
    try:
        tick = ticker(events, control)
        result = split(Path(spec["file"]), Path(spec["audit"]), options, out, tick, Path(test) if test else None)
    except RepairStopped:
        events.emit("done", stopped=True)
        return STOPPED
    (out / "result.json").write_text(json.dumps(result, indent=2))
    events.emit(
        "done", parts={name: part["rows"] for name, part in result["parts"].items()}, left_out=result["left_out"]
    )
    return SUCCEEDED
