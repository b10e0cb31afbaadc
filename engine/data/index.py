"""The index beside an audit: where each row lies and which findings it has, so that pages never read the whole file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

SCHEMA = """
create table row (number integer primary key, line integer, offset integer, length integer, format text,
                  usable integer, tokens integer, characters integer, label text, row_id blob);
create table finding_row (code text, number integer, group_id integer, note text);
create table near_pair (one integer, other integer, likeness real);
"""
# Made after the rows are in: building an index once is several times faster than keeping it up to date.
INDEXES = """
create index finding_by_code on finding_row (code, group_id, number);
create index finding_by_row on finding_row (number);
create index row_by_offset on row (offset);
"""
ADD_ROW = "insert into row values (?,?,?,?,?,?,?,?,?,?)"
ADD_FINDING = "insert into finding_row values (?,?,?,?)"
# SQLite takes no larger number, so no row has one; an address of a page may.
LARGEST = 2**63 - 1


def create(path: Path) -> sqlite3.Connection:
    """A new, empty index. It is built without a journal: until it is whole, nobody reads it."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-16384;" + SCHEMA)
    connection.execute("begin")
    return connection


def finish(connection: sqlite3.Connection) -> None:
    connection.execute("commit")
    connection.executescript(INDEXES)


def open_index(path: Path) -> sqlite3.Connection:
    """An existing index, to be read only."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)


def add_rows(connection: sqlite3.Connection, rows: Iterable[tuple[object, ...]]) -> None:
    connection.executemany(ADD_ROW, rows)


def add_findings(connection: sqlite3.Connection, rows: Iterable[tuple[str, int, int | None, str]]) -> None:
    connection.executemany(ADD_FINDING, rows)


def places(connection: sqlite3.Connection, numbers: list[int]) -> Iterator[tuple[int, int, int, int]]:
    """(number, line, offset, length) of the rows with these numbers, in the order of the file."""
    for start in range(0, len(numbers), 500):
        part = [number for number in numbers[start : start + 500] if number <= LARGEST]
        marks = ",".join("?" * len(part))
        yield from connection.execute(
            f"select number, line, offset, length from row where number in ({marks}) order by number",  # noqa: S608
            part,
        )


def number_at(connection: sqlite3.Connection, line: int) -> int | None:
    """The first row that begins on this physical line. Lines rise with the numbers: some twenty look-ups at most."""
    low, high = connection.execute("select coalesce(min(number), 1), coalesce(max(number), 0) from row").fetchone()
    while low <= high:
        at = (low + high) // 2
        number, found = connection.execute(
            "select number, line from row where number >= ? order by number limit 1", (at,)
        ).fetchone()
        if found < line:
            low = number + 1
        else:
            high = at - 1
    found = (
        connection.execute(
            "select number from row where number >= ? and line = ? order by number limit 1", (low, line)
        ).fetchone()
        if low <= LARGEST
        else None
    )
    return int(found[0]) if found else None
