"""Rows of an audit's index by identity (SHA-256 of the row as canonical JSON, in hex), and its groups."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from engine.data.index import LARGEST

PART = 500


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one finding that belong together: the row numbers in order, and the identity of the first as its name,
    which a second audit of the same rows does not change."""

    number: int
    key: str
    rows: list[int]


def identities(connection: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, str]:
    """Row number → identity. A line that is no JSON object has none and is left out."""
    wanted = [number for number in numbers if number <= LARGEST]
    found: dict[int, str] = {}
    for start in range(0, len(wanted), PART):
        part = wanted[start : start + PART]
        marks = ",".join("?" * len(part))
        select = f"select number, row_id from row where number in ({marks}) and row_id is not null"  # noqa: S608
        found |= {number: row_id.hex() for number, row_id in connection.execute(select, part)}
    return found


def numbers_of(connection: sqlite3.Connection, ids: Iterable[str]) -> list[int]:
    """The numbers of all rows with one of ``ids``, in order. One pass of the index, however many there are."""
    _remember(connection, ids)
    rows = connection.execute("select number from row where row_id in (select row_id from wanted) order by number")
    return [number for (number,) in rows]


def numbers_in(connection: sqlite3.Connection, code: str, ids: Iterable[str]) -> list[int]:
    """The rows of a finding that have one of ``ids``, in order."""
    _remember(connection, ids)
    select = (
        "select distinct f.number from finding_row f join row r using (number) "
        "where f.code = ? and r.row_id in (select row_id from wanted) order by f.number"
    )
    return [number for (number,) in connection.execute(select, (code,))]


def left_of(connection: sqlite3.Connection, code: str, ids: Iterable[str]) -> tuple[int, int]:
    """(rows, surplus rows) of a finding without the rows with one of ``ids``; surplus is 0 where it has no groups."""
    _remember(connection, ids)
    sums = "coalesce(sum(n), 0), coalesce(sum(case when g is null then 0 else n - 1 end), 0)"
    select = f"select {sums} from (select count(*) as n, f.group_id as g {_LEFT} group by f.group_id)"  # noqa: S608
    rows, surplus = connection.execute(select, (code,)).fetchone()
    return int(rows), int(surplus)


def count_groups(connection: sqlite3.Connection, code: str) -> int:
    select = "select count(distinct group_id) from finding_row where code = ?"
    return int(connection.execute(select, (code,)).fetchone()[0])


def groups(connection: sqlite3.Connection, code: str, offset: int = 0, limit: int = -1) -> list[Group]:
    """The groups of a finding in the order of the audit; ``limit`` -1 is all of them."""
    select = (
        "select group_id, number, row_id from finding_row join row using (number) where code = ? and group_id in "
        "(select distinct group_id from finding_row where code = ? and group_id is not null "
        "order by group_id limit ? offset ?) order by group_id, number"
    )
    found: dict[int, Group] = {}
    for group, number, row_id in connection.execute(select, (code, code, limit, offset)):
        if group not in found:
            found[group] = Group(group, row_id.hex() if row_id else "", [])
        found[group].rows.append(number)
    return list(found.values())


_LEFT = (
    "from finding_row f join row r using (number) "
    "where f.code = ? and (r.row_id is null or r.row_id not in (select row_id from wanted))"
)


def _remember(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """A private table of this connection: thousands of values are no list of question marks."""
    connection.execute("create temp table if not exists wanted (row_id blob primary key) without rowid")
    connection.execute("delete from wanted")
    connection.executemany("insert or ignore into wanted values (?)", [(bytes.fromhex(one),) for one in ids])
