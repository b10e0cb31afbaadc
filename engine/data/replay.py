"""Rows of another file, in the format of this one: all of them, or a seeded choice without replacement."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.convert import converted
from engine.data.errors import DataError, FileRefused, RowProblem
from engine.data.exports.limits import Inexpressible
from engine.data.formats import load
from engine.data.records import Problem, Reader, row_id

UNREADABLE = "rows that cannot be used"
SOURCE = "source"
COUNTED_BYTES = 20 << 20


class Rows:
    """Iterate for (number, row) of the rows that can be used; ``left`` counts the others by their reason. Raises
    DataError when the file holds no rows at all."""

    def __init__(self, path: Path, target: str) -> None:
        self._path, self._target = path, target
        self.left: Counter[str] = Counter()

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        self.left.clear()
        try:
            reader = Reader(self._path)
        except FileRefused as error:
            raise DataError(f"The other file cannot be read: {error.found}", error.remedy) from None
        for record in reader:
            if isinstance(record, Problem):
                self.left[UNREADABLE] += 1
                continue
            try:
                yield record.number, converted(record.row, self._target)
            except RowProblem:
                self.left[UNREADABLE] += 1
            except Inexpressible as problem:
                self.left[problem.reason] += 1

    def count(self) -> int | None:
        """How many rows can be used; None for a file too large to be read for a preview."""
        return sum(1 for _ in self) if self._path.stat().st_size <= COUNTED_BYTES else None

    def refuse_nothing(self) -> DataError:
        """What to say when no row of the other file can be used."""
        reason = next((reason for reason, _ in self.left.most_common(1)), "no rows")
        form = f"be written as {load(self._target).TITLE}" if self._target else "be used"
        found = f"No row of the other file can {form}: it holds {reason}."
        return DataError(found, "Choose a file of the same shape, or map one of the two.")

    def notes(self) -> list[str]:
        if not self.left:
            return []
        reasons = "; ".join(f"{count:,} with {reason}" for reason, count in self.left.most_common(5))
        return [f"Rows of the other file that were left behind: {reasons}."]


def draw(rows: Rows, wanted: int, seed: int) -> set[int]:
    """The numbers of ``wanted`` rows (or of all, when there are fewer): those whose identity, salted with the seed,
    comes first. Eight bytes a row are held while the file is read."""
    numbers, keys = array("q"), array("Q")
    salt = str(seed).encode()
    for number, row in rows:
        numbers.append(number)
        identity = bytes.fromhex(row_id(row))
        keys.append(int.from_bytes(hashlib.blake2b(identity, key=salt, digest_size=8).digest(), "big"))
    order = np.argsort(np.array(keys, dtype=np.uint64), kind="stable")[:wanted]
    return set(np.array(numbers, dtype=np.int64)[order].tolist())
