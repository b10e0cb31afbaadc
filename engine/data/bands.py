"""From the minima of rows to the pairs worth a comparison: rows that agree in a band, and whose sketches are alike."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

SHARD_ROWS, HELD_ROWS = 4_000_000, 20_000
# Within a bucket each row is compared with its next three and with the first: buckets of copies stay linear.
LAGS = (1, 2, 3)
MOST_PAIRS = 2_000_000
LEAST_ALIKE, PAIRS_AT_ONCE = 0.35, 20_000
# Rows × bands, 0 for none; rows × bytes.
Kept = tuple[NDArray[np.uint64], NDArray[np.uint8]]


class Bands:
    """The band keys of all rows, a file for each band, of which memory holds one at most; and a sketch of each row, a
    byte for each of its minima, in one more file."""

    def __init__(self, width: int) -> None:
        self._held: list[Kept] = []
        self._rows = 0
        self._width = width
        self._files: list[BinaryIO] = []

    def add(self, kept: Kept) -> None:
        self._held.append(kept)
        self._rows += len(kept[0])
        if self._rows >= HELD_ROWS:
            self._spill()

    def take(self) -> Kept:
        """What was added since this was last asked; it is forgotten here."""
        taken, self._held, self._rows = self._held, [], 0
        if not taken:
            return np.zeros((0, self._width), np.uint64), np.zeros((0, 1), np.uint8)
        return np.concatenate([keys for keys, _ in taken]), np.concatenate([sketches for _, sketches in taken])

    def pairs(self, usable: NDArray[np.bool_]) -> tuple[NDArray[np.uint64], bool]:
        """``candidate_pairs`` of the rows that are ``usable``."""
        if not self._files:
            keys, sketches = self.take()
            return candidate_pairs(np.ascontiguousarray(keys.T), usable, sketches)
        self._spill()
        return candidate_pairs(self._columns(), usable, _OnDisk(self._files[-1], len(usable)))

    def _columns(self) -> Iterator[NDArray[np.uint64]]:
        for file in self._files[:-1]:
            file.seek(0)
            yield np.frombuffer(file.read(), dtype=np.uint64)

    def _spill(self) -> None:
        if not self._files:
            self._files = [cast(BinaryIO, tempfile.TemporaryFile()) for _ in range(self._width + 1)]  # noqa: SIM115
        keys, sketches = self.take()
        for file, column in zip(self._files, [*keys.T, sketches], strict=True):
            file.seek(0, 2)
            file.write(column.tobytes())
            file.flush()


class _OnDisk:
    """Sketches in a file. What was read is let go of at once: the pages would add up to the whole of it."""

    def __init__(self, file: BinaryIO, rows: int) -> None:
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._rows = np.frombuffer(self._map, dtype=np.uint8).reshape(rows, -1)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        found = self._rows[places]
        self._map.madvise(mmap.MADV_DONTNEED)
        return found


def candidate_pairs(
    bands: Iterable[NDArray[np.uint64]], usable: NDArray[np.bool_], sketches: NDArray[np.uint8] | _OnDisk
) -> tuple[NDArray[np.uint64], bool]:
    """Pairs (smaller place << 32 | larger place) of rows that agree in a band and whose sketches do not rule it out,
    each once and in order, and whether some were left out because there were more than ``MOST_PAIRS``. ``bands``: the
    keys of each, 0 for none; ``sketches``: rows × bytes."""
    held = np.zeros(0, dtype=np.uint64)
    shards = max(1, -(-len(usable) // SHARD_ROWS))
    for keys in bands:
        for shard in range(shards):
            places = np.flatnonzero(usable & (keys != 0) & (keys % np.uint64(shards) == shard))
            pairs = _neighbours(keys[places], places)
            new = pairs[~np.isin(pairs, held, assume_unique=True)]
            held = np.union1d(held, _alike(new, sketches))
            if len(held) > MOST_PAIRS:
                return held[:MOST_PAIRS], True
    return held, False


def _alike(pairs: NDArray[np.uint64], sketches: NDArray[np.uint8] | _OnDisk) -> NDArray[np.uint64]:
    """The pairs of which enough minima agree. At ``LEAST_ALIKE`` of 112 the estimate is three standard deviations
    below a similarity of 0.5; rows that met in one band by chance, which are most, agree in a tenth."""
    kept = [np.zeros(0, dtype=np.uint64)]
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        part = pairs[start : start + PAIRS_AT_ONCE]
        ones = sketches[(part >> np.uint64(32)).astype(np.int64)]
        others = sketches[(part & np.uint64(0xFFFFFFFF)).astype(np.int64)]
        kept.append(part[np.mean(ones == others, axis=1) >= LEAST_ALIKE])
    return np.concatenate(kept)


def _neighbours(keys: NDArray[np.uint64], places: NDArray[np.int64]) -> NDArray[np.uint64]:
    """One sort of key and place in one number, of which the key gives up its lowest bits: a pair that agrees by
    chance is found out when it is compared."""
    if len(keys) < 2:
        return np.zeros(0, dtype=np.uint64)
    low = np.uint64((1 << len(keys).bit_length()) - 1)
    ordered = np.sort((keys & ~low) | np.arange(len(keys), dtype=np.uint64))
    keys, places = ordered & ~low, places[(ordered & low).astype(np.int64)]
    near = np.flatnonzero(keys[1:] == keys[:-1])
    if not len(near):
        return np.zeros(0, dtype=np.uint64)
    alike = np.unique(np.r_[near, near + 1])  # only these have a neighbour: few rows from here on
    keys, places = keys[alike], places[alike]
    pairs = []
    for lag in LAGS:
        same = np.flatnonzero(keys[:-lag] == keys[lag:])
        pairs.append(_pack(places[same], places[same + lag]))
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    sizes = np.diff(np.r_[starts, len(keys)])
    firsts = np.repeat(places[starts], sizes)
    others = np.flatnonzero(firsts != places)
    pairs.append(_pack(firsts[others], places[others]))
    return np.unique(np.concatenate(pairs))


def _pack(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Places rise within a bucket, so ``one`` is the smaller."""
    return (one.astype(np.uint64) << np.uint64(32)) | other.astype(np.uint64)
