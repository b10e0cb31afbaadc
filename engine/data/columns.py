"""One 64-bit number a row, kept on disk beyond some thousands, and the groups of rows whose numbers agree."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

HELD = 1 << 17
SHARD_ROWS = 4_000_000
MASK = (1 << 64) - 1


class Column:
    """Unsigned 64-bit values in row order. Memory is bounded by ``HELD`` of them; the rest lies in a file of
    ``folder`` that disappears with the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: array[int] = array("Q")
        self._file: BinaryIO | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def extend(self, values: Iterable[int]) -> None:
        before = len(self._held)
        self._held.extend(values)
        self._count += len(self._held) - before
        if len(self._held) >= HELD:
            self._spill()

    def values(self) -> NDArray[np.uint64]:
        """All values; those on disk are mapped, not read."""
        if self._file is None:
            return np.array(self._held, dtype=np.uint64)
        self._spill()
        return cast("NDArray[np.uint64]", np.memmap(self._file, dtype=np.uint64, mode="r", shape=(self._count,)))

    def _spill(self) -> None:
        if self._file is None:
            self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115 - lives as long as the column
        self._held.tofile(cast(Any, self._file))
        self._file.flush()
        self._held = array("Q")


def equal_groups(column: Column) -> Iterator[list[int]]:
    """Places (from 0, rising) of rows whose values agree, for every value but 0 that occurs at least twice.

    Long columns are gone through in shards of the value, so that memory does not grow with the rows. Groups come
    ordered by their first place within a shard.
    """
    values = column.values()
    shards = max(1, -(-len(values) // SHARD_ROWS))
    for shard in range(shards):
        places = _shard(values, shard, shards)
        keys = values[places]
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, np.int64)
        ends = np.r_[starts[1:], len(ordered)].astype(np.int64)
        several = np.flatnonzero((ends - starts > 1) & (ordered[starts] != 0)) if len(starts) else starts
        firsts = places[order[starts[several]]]
        for run in several[np.argsort(firsts, kind="stable")]:
            yield places[order[starts[run] : ends[run]]].tolist()


def _shard(values: NDArray[np.uint64], shard: int, shards: int) -> NDArray[np.int64]:
    if shards == 1:
        return np.arange(len(values))
    found = []
    for start in range(0, len(values), SHARD_ROWS):
        part = values[start : start + SHARD_ROWS]
        found.append(np.flatnonzero(part % np.uint64(shards) == shard) + start)
    return np.concatenate(found)
