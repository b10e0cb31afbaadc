"""Every line that cannot be used: where it lies in the file, what is wrong with it, and how to mend it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.data.again import read_at
from engine.data.errors import RowProblem
from engine.data.formats import detect, to_example
from engine.data.mask import mask_text
from engine.data.records import Problem

COLUMNS = ("number", "line", "offset", "length", "code", "kind", "found", "remedy")

# Read by itself it is a row: what is wrong is around it.
MISPLACED = ("malformed_json", "misplaced", "A row where none can stand.", "Look for a comma or a bracket before it.")


def unusable(file: Path, container: str, connection: sqlite3.Connection, limit: int = -1) -> Iterator[dict[str, Any]]:
    """The first ``limit`` (all: -1) lines that cannot be used, in the order of the file: {number, line, offset and
    length in bytes, code, kind, found, remedy}. Of a packed file offsets are of what was inside. Each line is read
    again; what is found in it is masked."""
    places = connection.execute(
        "select number, line, offset, length from row where usable = 0 order by number limit ?", (limit,)
    )
    with file.open("rb") as opened:
        for place in places:
            record = read_at(opened, container, place)
            if isinstance(record, Problem):
                said = (record.code, record.kind or record.code, record.found, record.remedy)
            else:
                try:
                    to_example(record.row, detect(record.row))
                    said = MISPLACED
                except RowProblem as problem:
                    said = (problem.code, problem.code, problem.text, problem.remedy)
            found = dict(zip(COLUMNS, (*place, *said), strict=True))
            yield {**found, "found": mask_text(said[2])}
