"""A few numbers a row in flat files beside the index: a page filters, sorts and counts millions of rows with them.

Each file is one column in the order of the file, mapped into memory and never read whole. An SQL index for each way to
sort would cost the audit more, would not combine with filters, and would count its way to a late page.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.mask import mask_text

FOLDER = "rows"
# Column → type. ``format`` 0 is a row that cannot be used; tokens, characters and label are -1 where there are none;
# ``identity`` is the first eight bytes of the row's identity, 0 for a line that has none.
TYPES = {
    "number": "u4",
    "offset": "i8",
    "tokens": "i4",
    "characters": "i4",
    "label": "i2",
    "format": "u1",
    "findings": "u1",
    "identity": "u8",
}
CODES = {"u8": "Q", "u4": "I", "i8": "q", "i4": "i", "i2": "h", "u1": "B"}
BATCH = 50_000
PART = 1_000_000
MOST_I4 = 2**31 - 1
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Where:
    """Which rows: every condition that is set must hold. Lengths are inclusive; ``numbers`` are row numbers."""

    finding: str = ""
    format: str = ""
    label: str = ""
    unusable: bool = False
    unit: str = "characters"
    least: int | None = None
    most: int | None = None
    numbers: Sequence[int] | None = field(default=None)

    @property
    def is_all(self) -> bool:
        return self == Where(unit=self.unit)


def write(connection: sqlite3.Connection, folder: Path) -> None:
    """Writes the columns of a finished index. One pass over its rows and one over its findings; memory is bounded."""
    folder.mkdir(parents=True, exist_ok=True)
    names: dict[str, dict[str, int]] = {"format": {"": 0}, "label": _labels(connection)}
    files = {name: (folder / f"{name}.{kind}").open("wb") for name, kind in TYPES.items()}
    try:
        for columns in _batches(connection, names):
            for name, values in columns.items():
                values.tofile(files[name])
    finally:
        for file in files.values():
            file.close()
    found = _write_findings(connection, folder)
    about = {
        "format": list(names["format"]),
        "label": [mask_text(label) for label in names["label"]],
        "findings": found,
    }
    (folder / "names.json").write_text(json.dumps(about), encoding="utf-8")


def _labels(connection: sqlite3.Connection) -> dict[str, int]:
    """The classes in alphabetical order; none where short answers are not classes but answers."""
    found = connection.execute("select distinct label from row where label is not null limit 2001").fetchall()
    return {label: place for place, (label,) in enumerate(sorted(found))} if len(found) <= 2000 else {}


def _batches(connection: sqlite3.Connection, names: dict[str, dict[str, int]]) -> Iterator[dict[str, array[int]]]:
    # SQL fills the gaps: that is cheaper there than row by row in Python.
    rows = connection.execute(
        f"select number, offset, min(ifnull(tokens, -1), {MOST_I4}), min(ifnull(characters, -1), {MOST_I4}), label, "  # noqa: S608
        "case when usable then format else '' end, ifnull(substr(row_id, 1, 8), zeroblob(8)) from row order by number"
    )
    counts = connection.execute("select number, count(*) from finding_row group by number order by number")
    waiting = counts.fetchone()
    formats, labels = names["format"], names["label"]
    none = array("h", [-1])
    while batch := rows.fetchmany(BATCH):
        numbers, offsets, tokens, characters, label, kinds, ids = zip(*batch, strict=True)
        flags = array("B", bytes(len(batch)))
        place = 0
        while waiting is not None and waiting[0] <= numbers[-1]:
            while numbers[place] < waiting[0]:
                place += 1
            flags[place] = min(255, waiting[1])
            waiting = counts.fetchone()
        for kind in set(kinds):
            formats.setdefault(kind, len(formats))
        yield {
            "number": array("I", numbers),
            "offset": array("q", offsets),
            "tokens": array("i", tokens),
            "characters": array("i", characters),
            "label": array("h", [labels.get(value, -1) for value in label]) if labels else none * len(batch),
            "format": array("B", map(formats.__getitem__, kinds)),
            "findings": flags,
            "identity": array("Q", b"".join(ids)),
        }


def _write_findings(connection: sqlite3.Connection, folder: Path) -> dict[str, str]:
    """A file of row places for each finding, in the order of its groups; returns code → file."""
    numbers = _map(folder / "number.u4", "u4")
    files: dict[str, str] = {}
    for (code,) in connection.execute("select distinct code from finding_row").fetchall():
        files[code] = f"finding-{len(files)}.u4"
        rows = connection.execute("select number from finding_row where code = ? order by group_id, number", (code,))
        with (folder / files[code]).open("wb") as file:
            while batch := rows.fetchmany(BATCH):
                wanted = np.fromiter((number for (number,) in batch), np.uint32, len(batch))
                np.searchsorted(numbers, wanted).astype(np.uint32).tofile(file)
    return files


def _map(path: Path, kind: str) -> NDArray[Any]:
    if not path.stat().st_size:
        return np.zeros(0, kind)
    return np.memmap(path, dtype=kind, mode="r")


class RowTable:
    """The columns of one audit, opened. Places count from 0 in the order of the file. Raises OSError, ValueError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        about = json.loads((folder / "names.json").read_bytes())
        self.formats: list[str] = about["format"]
        self.labels: list[str] = about["label"]
        self._findings: dict[str, str] = about["findings"]
        self._open: dict[str, NDArray[Any]] = {}

    def __len__(self) -> int:
        return len(self.column("number"))

    def column(self, name: str) -> NDArray[Any]:
        if name not in self._open:
            self._open[name] = _map(self._folder / f"{name}.{TYPES[name]}", TYPES[name])
        return self._open[name]

    def numbers(self, places: Places | range) -> list[int]:
        """Row numbers of the rows at these places."""
        if isinstance(places, range):
            return [int(number) for number in self.column("number")[places.start : places.stop]]
        return [int(number) for number in self.column("number")[places]]

    def alike(self, ids: Iterable[str]) -> list[int]:
        """Numbers, in order, of the rows whose identity begins as one of ``ids`` does: the index has to tell whether it
        goes on so too. Reads the column by parts. Raises OSError for an audit of before there was one."""
        wanted = np.unique(np.frombuffer(b"".join(bytes.fromhex(one[:16]) for one in ids), np.uint64))
        column = self.column("identity")
        found: list[int] = []
        for start in range(0, len(column) if len(wanted) else 0, PART):
            part = np.asarray(column[start : start + PART])
            place = np.searchsorted(wanted, part)
            place[place == len(wanted)] = 0
            found += self.numbers(np.flatnonzero(wanted[place] == part) + start)
        return found

    def finding(self, code: str) -> NDArray[Any]:
        """Places of the rows that have a finding, in the order of its groups."""
        file = self._findings.get(code)
        return _map(self._folder / file, "u4") if file else np.zeros(0, np.uint32)

    def mask(self, where: Where) -> NDArray[np.bool_] | None:
        """True for the rows that are meant; None when all are."""
        masks = list(self._masks(where))
        return np.logical_and.reduce(masks) if masks else None

    def _masks(self, where: Where) -> Iterator[NDArray[np.bool_]]:
        if where.finding:
            yield self._these(self.finding(where.finding))
        if where.numbers is not None:
            wanted = np.unique(np.array(where.numbers, dtype=np.uint32))
            places = np.searchsorted(self.column("number"), wanted)
            there = places < len(self)
            places, wanted = places[there], wanted[there]
            yield self._these(places[self.column("number")[places] == wanted])
        if where.unusable:
            yield self.column("format") == 0
        if where.format:
            yield self.column("format") == (self.formats.index(where.format) if where.format in self.formats else 255)
        if where.label:
            # Labels are kept masked, as pages show them: two may look alike.
            alike = [place for place, label in enumerate(self.labels) if label == where.label]
            yield np.isin(self.column("label"), np.array(alike, np.int16))
        lengths = self.column("tokens" if where.unit == "tokens" else "characters")
        if where.least is not None:
            yield lengths >= min(where.least, MOST_I4)
        if where.most is not None:
            yield (lengths >= 0) & (lengths <= min(where.most, MOST_I4))

    def _these(self, places: NDArray[Any]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self), np.bool_)
        mask[places] = True
        return mask

    def select(self, where: Where, sort: str, offset: int, limit: int) -> tuple[int, list[int]]:
        """(how many rows are meant, the numbers of those from ``offset`` on). ``sort`` is a column, with a minus for
        the greatest first; rows without a value come last. Unsorted: the order of the file, or of a finding's groups.
        """
        if where.is_all and not sort:
            return len(self), self.numbers(range(offset, min(offset + limit, len(self))))
        if sort:
            return self._sorted(self.mask(where), sort, offset, limit)
        if where.finding:
            grouped, mask = self.finding(where.finding), self.mask(replace(where, finding=""))
            places = grouped if mask is None else grouped[mask[grouped]]
        else:
            mask = self.mask(where)
            places = np.arange(len(self)) if mask is None else np.flatnonzero(mask)
        return len(places), self.numbers(places[offset : offset + limit].astype(np.int64))

    def _sorted(self, mask: NDArray[np.bool_] | None, sort: str, offset: int, limit: int) -> tuple[int, list[int]]:
        """Only the page asked for is put in order: the rest is parted into before and after."""
        places = np.arange(len(self), dtype=np.int64) if mask is None else np.flatnonzero(mask)
        stop = min(offset + limit, len(places))
        if offset >= stop:
            return len(places), []
        name = sort.lstrip("-")
        if name == "line":
            page = places[::-1][offset:stop] if sort.startswith("-") else places[offset:stop]
            return len(places), self.numbers(page)
        values = self._ranks(name)[places]
        none = values < 0
        if sort.startswith("-"):
            values = MOST_I4 - values
        values[none] = MOST_I4 + 1
        # The place in the low half makes every key different, so that no row is on two pages.
        keys = (values.astype(np.uint64) << np.uint64(32)) | places.astype(np.uint64)
        keys.partition((offset, stop - 1))
        page = (np.sort(keys[offset:stop]) & np.uint64(0xFFFFFFFF)).astype(np.int64)
        return len(places), self.numbers(page)

    def _ranks(self, name: str) -> Places:
        """The column as numbers that sort as its values do; below 0 where a row has none."""
        values = self.column(name)
        if name != "format":
            return values.astype(np.int64)
        ranks = {kind: rank for rank, kind in enumerate(sorted(self.formats[1:]))}
        return np.array([ranks.get(kind, -1) for kind in self.formats], np.int64)[values]
