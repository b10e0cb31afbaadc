"""From band keys to candidate pairs, and from verified pairs to clusters."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

SHARD_ROWS, HELD_ROWS = 4_000_000, 20_000
# Within a bucket each row is compared with its next three and with the first: buckets of copies stay linear.
LAGS = (1, 2, 3)
MOST_PAIRS = 2_000_000


class Bands:
    """The band keys of all rows, a file for each band: each is read alone, and memory holds one of them at most."""

    def __init__(self, width: int) -> None:
        self._held: list[NDArray[np.uint64]] = []
        self._rows = 0
        self._width = width
        self._files: list[BinaryIO] = []

    def add(self, keys: NDArray[np.uint64]) -> None:
        """``keys``: rows × bands, 0 for none."""
        self._held.append(keys)
        self._rows += len(keys)
        if self._rows >= HELD_ROWS:
            self._spill()

    def take(self) -> NDArray[np.uint64]:
        """What was added since this was last asked; it is forgotten here."""
        taken, self._held, self._rows = self._held, [], 0
        return np.concatenate(taken) if taken else np.zeros((0, self._width), np.uint64)

    def columns(self) -> Iterator[NDArray[np.uint64]]:
        """The keys of all rows, band after band."""
        if not self._files:
            yield from np.ascontiguousarray(self.take().T)
            return
        self._spill()
        for file in self._files:
            file.seek(0)
            yield np.frombuffer(file.read(), dtype=np.uint64)
            file.seek(0, 2)

    def _spill(self) -> None:
        if not self._files:
            self._files = [cast(BinaryIO, tempfile.TemporaryFile()) for _ in range(self._width)]  # noqa: SIM115
        for file, column in zip(self._files, self.take().T, strict=True):
            file.write(column.tobytes())


def candidate_pairs(bands: Iterable[NDArray[np.uint64]], usable: NDArray[np.bool_]) -> tuple[NDArray[np.uint64], bool]:
    """Pairs (smaller place << 32 | larger place) of rows that agree in a band, each once and in order, and whether
    some were left out because there were more than ``MOST_PAIRS``. ``bands``: the keys of each, 0 for none."""
    held = np.zeros(0, dtype=np.uint64)
    shards = max(1, -(-len(usable) // SHARD_ROWS))
    for keys in bands:
        for shard in range(shards):
            places = np.flatnonzero(usable & (keys != 0) & (keys % np.uint64(shards) == shard))
            held = np.union1d(held, _neighbours(keys[places], places))
            if len(held) > MOST_PAIRS:
                return held[:MOST_PAIRS], True
    return held, False


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


class Clusters:
    """Groups of places, joined by pairs that are given in falling order of likeness.

    A row joins the group of the row it is most like. Two groups are joined only by a pair at or above ``firm``, so
    that a chain of weak likenesses does not make one group of everything.
    """

    def __init__(self, firm: float) -> None:
        self.firm = firm
        self._root: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}

    def join(self, one: int, other: int, likeness: float) -> None:
        mine, theirs = self._root.get(one), self._root.get(other)
        if mine is None and theirs is None:
            self._root[one] = self._root[other] = one
            self._members[one] = [one, other]
        elif mine is None or theirs is None:
            root, free = (theirs, one) if mine is None else (mine, other)
            assert root is not None
            self._root[free] = root
            self._members[root].append(free)
        elif mine != theirs and likeness >= self.firm:
            if len(self._members[mine]) < len(self._members[theirs]):
                mine, theirs = theirs, mine
            for place in self._members.pop(theirs):
                self._root[place] = mine
                self._members[mine].append(place)

    def groups(self) -> Iterator[list[int]]:
        """Each group's places, rising; groups in the order of their first place."""
        yield from sorted(sorted(members) for members in self._members.values())
