"""From band keys to candidate pairs, and from verified pairs to clusters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

SHARD_ROWS = 4_000_000
# Within a bucket each row is compared with its next three and with the first: buckets of copies stay linear.
LAGS = (1, 2, 3)
MOST_PAIRS = 2_000_000


def candidate_pairs(bands: NDArray[np.uint64], usable: NDArray[np.bool_]) -> tuple[NDArray[np.uint64], bool]:
    """Pairs (smaller place << 32 | larger place) of rows that agree in a band, each once and in order, and whether
    some were left out because there were more than ``MOST_PAIRS``. ``bands``: rows × bands, 0 for none."""
    held = np.zeros(0, dtype=np.uint64)
    rows, width = bands.shape
    shards = max(1, -(-rows // SHARD_ROWS))
    for band in range(width):
        for shard in range(shards):
            places = _places(bands, usable, band, shard, shards)
            held = np.union1d(held, _neighbours(np.asarray(bands[places, band]), places))
            if len(held) > MOST_PAIRS:
                return held[:MOST_PAIRS], True
    return held, False


def _places(
    bands: NDArray[np.uint64], usable: NDArray[np.bool_], band: int, shard: int, shards: int
) -> NDArray[np.int64]:
    found = []
    for start in range(0, len(bands), SHARD_ROWS):
        part = np.asarray(bands[start : start + SHARD_ROWS, band])
        wanted = usable[start : start + SHARD_ROWS] & (part != 0) & (part % np.uint64(shards) == shard)
        found.append(np.flatnonzero(wanted) + start)
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _neighbours(keys: NDArray[np.uint64], places: NDArray[np.int64]) -> NDArray[np.uint64]:
    if len(keys) < 2:
        return np.zeros(0, dtype=np.uint64)
    order = np.argsort(keys, kind="stable")
    keys, places = keys[order], places[order]
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
