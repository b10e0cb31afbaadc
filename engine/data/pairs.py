"""Pairs of rows that are alike, as the audit verified them: kept in its index, and what a repair or a split does with
them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Pairs:
    """``likeness`` is the Jaccard similarity of ``ones`` and ``others``, from the threshold of the check to 1."""

    ones: Integers
    others: Integers
    likeness: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ones)

    @classmethod
    def none(cls) -> Pairs:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))

    @classmethod
    def joined(cls, parts: list[Pairs]) -> Pairs:
        if not parts:
            return cls.none()
        columns = ((part.ones, part.others, part.likeness) for part in parts)
        return cls(*(np.concatenate(each) for each in zip(*columns, strict=True)))

    def of(self, wanted: NDArray[np.bool_]) -> Pairs:
        return Pairs(self.ones[wanted], self.others[wanted], self.likeness[wanted])


def write(connection: sqlite3.Connection, pairs: Pairs) -> None:
    """Adds pairs of row numbers to an index."""
    for start in range(0, len(pairs), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        columns = (pairs.ones[part].tolist(), pairs.others[part].tolist(), pairs.likeness[part].tolist())
        connection.executemany("insert into near_pair values (?,?,?)", zip(*columns, strict=True))


def read(connection: sqlite3.Connection) -> Pairs | None:
    """All pairs of an index, 20 bytes each; None for an audit of before they were kept."""
    known = connection.execute("select 1 from sqlite_master where type = 'table' and name = 'near_pair'").fetchone()
    if known is None:
        return None
    return Pairs.joined(list(_parts(connection)) or [Pairs.none()])


def _parts(connection: sqlite3.Connection) -> Iterator[Pairs]:
    rows = connection.execute("select one, other, likeness from near_pair")
    while batch := rows.fetchmany(AT_ONCE):
        ones, others, likeness = zip(*batch, strict=True)
        yield Pairs(np.array(ones, np.int64), np.array(others, np.int64), np.array(likeness, np.float32))


def alike_by(pairs: Pairs, numbers: Integers) -> Pairs:
    """Those of which both rows are among ``numbers``."""
    return pairs.of(np.isin(pairs.ones, numbers) & np.isin(pairs.others, numbers))


def of_one_label(connection: sqlite3.Connection, pairs: Pairs) -> NDArray[np.bool_]:
    """Which pairs are of two rows with the same label (or of two without one): only those say the same."""
    numbers, places = np.unique(np.r_[pairs.ones, pairs.others], return_inverse=True)
    known: dict[str, int] = {}
    labels = np.full(len(numbers), -1, np.int64)
    for start in range(0, len(numbers), 500):
        part = numbers[start : start + 500].tolist()
        marks = ",".join("?" * len(part))
        select = f"select number, label from row where number in ({marks}) and label is not null"  # noqa: S608
        for number, label in connection.execute(select, part):
            labels[np.searchsorted(numbers, number)] = known.setdefault(label, len(known))
    same: NDArray[np.bool_] = labels[places[: len(pairs)]] == labels[places[len(pairs) :]]
    return same


def removable(connection: sqlite3.Connection, labelled: bool) -> tuple[Integers, int]:
    """(the near-duplicates that go when the first of each stays, how many of their groups hold several labels).
    ``labelled``: rows with different labels do not say the same."""
    select = "select number, group_id from finding_row where code = 'near_duplicate'"
    rows = np.array(connection.execute(select).fetchall(), np.int64).reshape(-1, 2)
    pairs = alike_by(read(connection) or Pairs.none(), np.unique(rows[:, 0]))
    if labelled:
        pairs = pairs.of(of_one_label(connection, pairs))
    return leaving(pairs, np.unique(rows[:, 0])), _mixed(connection) if labelled else 0


def _mixed(connection: sqlite3.Connection) -> int:
    select = (
        "select count(*) from (select 1 from finding_row join row using (number) where code = 'near_duplicate' "
        "group by group_id having count(distinct label) > 1)"
    )
    return int(connection.execute(select).fetchone()[0])


def leaving(pairs: Pairs, order: Integers) -> Integers:
    """The rows that go, rising, when each of ``order`` stays unless it is paired with one that stays already. So every
    row that goes is paired with a row that stays, and no two that stay are a pair. Rows at likeness 1 are alike to the
    same others, and count as one. A pair outside ``order`` is left out."""
    numbers, ranks = np.unique(order, return_index=True)
    pairs = alike_by(pairs, numbers)
    ones, others = np.searchsorted(numbers, pairs.ones), np.searchsorted(numbers, pairs.others)
    equal = pairs.likeness >= 1
    node = connected(len(numbers), ones[equal], others[equal])
    first = np.full(int(node.max(initial=-1)) + 1, len(order), np.int64)
    np.minimum.at(first, node, ranks)
    gone = covered(len(first), node[ones[~equal]], node[others[~equal]], np.argsort(first))
    left: Integers = numbers[gone[node] | (ranks != first[node])]
    return left


def connected(count: int, ones: NDArray[Any], others: NDArray[Any]) -> NDArray[np.int32]:
    """For each of ``count`` places the number of the set that the pairs, followed from one to the next, put it in."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(ones), np.bool_), (ones, others)), shape=(count, count))
    found: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return found


def covered(count: int, ones: NDArray[Any], others: NDArray[Any], order: Integers) -> NDArray[np.bool_]:
    """``leaving`` for places 0 … ``count`` - 1: which of them go."""
    near, starts = _neighbours(count, ones, others)
    gone = np.zeros(count, np.bool_)
    for place in order.tolist():
        if not gone[place]:
            gone[near[starts[place] : starts[place + 1]]] = True
    return gone


def _neighbours(count: int, ones: NDArray[Any], others: NDArray[Any]) -> tuple[NDArray[Any], Integers]:
    """Whom each place is paired with, one place after the other, and where those of each begin."""
    from_, to = np.r_[ones, others], np.r_[others, ones]
    order = np.argsort(from_, kind="stable")
    return to[order], np.searchsorted(from_[order], np.arange(count + 1))
