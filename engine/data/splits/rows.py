"""The usable rows of an audited file as a split sees them: a key, a class and the rows each belongs together with."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.pairs import Pairs, connected
from engine.data.records import Problem, Record
from engine.data.splits import LEFT_OUT, PARTS, Places

# Fewer held-out rows than this show no difference between two models, whatever they are.
LEAST_HELD_OUT = 16
# Rows of one group stay together. The same prompt with other answers counts too: it would leak the question.
GROUPING_CODES = ("exact_duplicate", "normalised_duplicate", "conflicting_answers", "near_duplicate")

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Ask:
    """What a way to split is asked for: ``sizes`` in rows of train, validation and test, a ``column`` of the rows,
    ``test`` a file of its own. ``records`` reads the file once more, and is called as often as it is needed."""

    sizes: tuple[int, int, int]
    column: str
    test: Path | None
    records: Callable[[], Iterator[Record | Problem]]
    out: Path
    drop_leaked: bool = True


@dataclass
class Rows:
    """``numbers`` of the usable rows; all else is by row number: ``keys`` (depend on seed and row identity, not on the
    place in the file), ``labels`` (class, from 0), ``roots`` (the smallest number of the rows that belong together).
    """

    numbers: Integers
    keys: NDArray[np.uint64]
    labels: Integers
    label_names: list[str]
    roots: Integers

    def join(self, groups: Iterable[list[int]]) -> None:
        """Makes the rows of each group stay together, with all that belongs to them."""
        for rows in groups:
            _join(self.roots, rows)
        self.roots = _flatten(self.roots)

    def join_pairs(self, pairs: Pairs) -> None:
        """Makes the two rows of each pair stay together: whatever a chain of pairs connects is on one side."""
        numbers, places = np.unique(np.r_[pairs.ones, pairs.others], return_inverse=True)
        of = connected(len(numbers), places[: len(pairs)], places[len(pairs) :])
        order = np.argsort(of, kind="stable")
        borders = np.flatnonzero(np.diff(of[order])) + 1
        self.join(part.tolist() for part in np.split(numbers[order], borders) if len(part) > 1)

    def units(self) -> tuple[Integers, Integers, Integers]:
        """(root, the row whose key speaks for it, how many rows) of each set of rows that stay together. Which row
        speaks does not depend on the places in the file."""
        keys, roots = self.keys[self.numbers], self.roots[self.numbers]
        found, first, counts = np.unique(roots[np.lexsort((keys, roots))], return_index=True, return_counts=True)
        return found, self.numbers[np.lexsort((keys, roots))][first], counts

    def groups_kept(self) -> int:
        return int((self.units()[2] > 1).sum())

    def by_root(self, part_of_root: Places) -> Places:
        """The part of every row, from that of its root."""
        part_of = self.nowhere()
        part_of[self.numbers] = part_of_root[self.roots[self.numbers]]
        return part_of

    def nowhere(self) -> Places:
        return np.full(len(self.roots), LEFT_OUT, dtype=np.uint8)


def read_rows(connection: sqlite3.Connection, seed: int, labelled: bool) -> Rows:
    """The rows of an index; their classes only when the file has classes (``labelled``)."""
    (count,) = connection.execute("select count(*) from row where usable = 1").fetchone()
    (last,) = connection.execute("select coalesce(max(number), 0) from row").fetchone()
    numbers, keys = np.zeros(count, np.int64), np.zeros(last + 1, np.uint64)
    labels = np.zeros(last + 1, np.int64)
    known: dict[str | None, int] = {}
    salt = f"split:{seed}:".encode()
    for place, (number, row_id, label) in enumerate(
        connection.execute("select number, row_id, label from row where usable = 1 order by number")
    ):
        numbers[place] = number
        keys[number] = int.from_bytes(hashlib.sha256(salt + row_id).digest()[:8], "big")
        if labelled:
            labels[number] = known.setdefault(label, len(known))
    names = ["" if label is None else str(label) for label in known]
    rows = Rows(numbers, keys, labels, names, np.arange(last + 1, dtype=np.int64))
    rows.join(_groups(connection))
    return rows


def deal(rows: Rows, sizes: tuple[int, int, int], classes: Integers | None = None, nearest: bool = False) -> Places:
    """Every group of rows to a part, held-out parts first.

    Groups are ordered by where they stand inside their class, classes side by side, so that any stretch of that order
    has the classes' own shares; the held-out parts are cut from its start. A group too large for what is still wanted
    goes on to the next part; with ``nearest`` it is taken when that brings the part nearer to its size.
    """
    roots, speakers, members = rows.units()
    if classes is None:
        classes = np.zeros(len(rows.roots), np.int64)
    order = np.lexsort((rows.keys[speakers], classes[speakers]))
    roots, speakers, members = roots[order], speakers[order], members[order]
    sequence = np.lexsort((rows.keys[speakers], _positions(classes[speakers])))
    part_of_root = rows.nowhere()
    left = {part: sizes[part] for part in (2, 1) if sizes[part]}
    for place in sequence.tolist():
        size = int(members[place])
        part = next((part for part, room in left.items() if _fits(size, room, nearest)), 0)
        if part:
            left[part] -= size
        part_of_root[roots[place]] = part
    return rows.by_root(part_of_root)


def scaled(sizes: tuple[int, int, int], rows: int) -> tuple[int, int, int]:
    """The sizes for fewer rows than they were made for; what is held out keeps its share."""
    validation, test = (max(min(size, LEAST_HELD_OUT), round(size * rows / (sum(sizes) or 1))) for size in sizes[1:])
    return rows - validation - test, validation, test


def _fits(size: int, room: int, nearest: bool) -> bool:
    return room > 0 and size < 2 * room if nearest else size <= room


def shares(rows: Rows, part_of: Places, classes: Integers, names: list[str], most: int = 20) -> list[dict[str, Any]]:
    """How many rows of each class every part has: the ``most`` largest classes."""
    counts = np.zeros((len(names), len(PARTS)), np.int64)
    for part in range(len(PARTS)):
        here = rows.numbers[part_of[rows.numbers] == part]
        counts[:, part] = np.bincount(classes[here], minlength=len(names))[: len(names)]
    order = np.argsort(-counts.sum(axis=1), kind="stable")[:most]
    return [{"value": names[at], **dict(zip(PARTS, counts[at].tolist(), strict=True))} for at in order.tolist()]


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


def _find(roots: Integers, number: int) -> int:
    while roots[number] != number:
        roots[number] = roots[roots[number]]
        number = int(roots[number])
    return number


def _join(roots: Integers, rows: list[int]) -> None:
    """Union-find, the smallest number being the root."""
    found = [_find(roots, number) for number in rows]
    root = min(found)
    for other in found:
        roots[other] = root


def _flatten(roots: Integers) -> Integers:
    while True:
        flatter = roots[roots]
        if np.array_equal(flatter, roots):
            return roots
        roots = flatter


def _positions(labels: Integers) -> NDArray[np.float64]:
    """For units ordered by class: where each stands inside its class, from 0 to 1."""
    if not len(labels):
        return np.zeros(0)
    _, starts, counts = np.unique(labels, return_index=True, return_counts=True)
    firsts, sizes = np.repeat(starts, counts), np.repeat(counts, counts)
    return (np.arange(len(labels)) - firsts + 0.5) / sizes
