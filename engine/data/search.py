"""Rows that hold a text, found by scanning the file's bytes: no second copy of the text has to be kept."""

from __future__ import annotations

import json
import mmap
import re
import sqlite3
from pathlib import Path

MOST_HITS = 1000


def find_numbers(
    file: Path, connection: sqlite3.Connection, text: str, finding: str | None = None
) -> tuple[list[int], bool]:
    """Numbers of the rows that hold ``text`` (ASCII letters in any case; with a finding, only rows that have it), in
    order, and whether the scan stopped at ``MOST_HITS``. The scan is one pass of the file at most."""
    if not file.stat().st_size:
        return [], False
    forms = {
        text.encode("utf-8", "replace"),
        json.dumps(text)[1:-1].encode(),
        json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "replace"),
    }
    pattern = re.compile(b"|".join(re.escape(form) for form in sorted(forms)), re.IGNORECASE)
    numbers: list[int] = []
    at = 0
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while match := pattern.search(data, at):
            row = connection.execute(
                "select number, offset + length from row where offset <= ? order by offset desc limit 1",
                (match.start(),),
            ).fetchone()
            at = match.end()
            if row is None or row[1] <= match.start():
                continue  # between two rows
            at = max(at, row[1])  # one hit a row is enough
            if finding and not _has(connection, row[0], finding):
                continue
            numbers.append(row[0])
            if len(numbers) >= MOST_HITS:
                return numbers, True
    return numbers, False


def _has(connection: sqlite3.Connection, number: int, finding: str) -> bool:
    found = connection.execute("select 1 from finding_row where number = ? and code = ? limit 1", (number, finding))
    return found.fetchone() is not None
