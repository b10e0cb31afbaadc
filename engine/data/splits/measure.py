"""What of the held-out parts stands in the others, measured on the parts as they were written."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.data.book import Book
from engine.data.checks import Options, leak_identical, leak_ngram, leak_prompt
from engine.data.index import SCHEMA
from engine.data.leaks import HeldOut
from engine.data.records import Reader
from engine.data.seen import Seen
from engine.data.splits.leaks import in_batches, usable_rows

# The audit's own checks, the plainest first: a row counts for the first that finds it.
CHECKS = {"identical": leak_identical, "prompt": leak_prompt, "ngram": leak_ngram}
# A held-out part is held in memory by the passages of its prompts; of a larger one, an even sample.
MOST_HELD = 3000
LISTED = 50
CANNOT_SEE = "Rows that ask the same in other words cannot be seen."

_LINE = re.compile(r"([Ll]ine) ([\d,]+) of the test file")

# A part's name and a row of it, from 1 → (number, line) of that row in the version.
PlaceOf = Callable[[str, int], tuple[int, int]]


def leaks_between(folder: Path, parts: dict[str, int], place_of: PlaceOf) -> dict[str, Any]:
    """``parts``: name → rows, in the order train, validation, test. For each two of them how many rows of the earlier
    stand in the later, by kind, and the first of them: {number, line, kind, note}; numbers and lines are those of the
    version. ``compared`` of the ``held`` rows of the later were looked for."""
    names = [name for name, rows in parts.items() if rows]
    found = []
    for earlier in names[:-1]:
        later = names[names.index(earlier) + 1 :]
        found += _between(folder, earlier, {name: parts[name] for name in later}, place_of)
    return {"between": found, "cannot_see": CANNOT_SEE}


def _between(folder: Path, earlier: str, later: dict[str, int], place_of: PlaceOf) -> list[dict[str, Any]]:
    """One pass over a part for all the parts it is compared with."""
    against = [_Against(folder, earlier, name, rows) for name, rows in later.items()]
    for batch in in_batches(usable_rows(Reader(folder / f"{earlier}.jsonl"))):
        for one in against:
            one.look(batch)
    return [one.told(place_of) for one in against]


class _Against:
    def __init__(self, folder: Path, earlier: str, name: str, rows: int) -> None:
        self._names, self._rows = (earlier, name), rows
        self._step = -(-rows // MOST_HELD)
        held = self._held(folder / f"{name}.jsonl")
        self._compared = held.usable
        self._states = {kind: check.start(Options(held_out=held)) for kind, check in CHECKS.items()}
        self._notes = sqlite3.connect("")
        self._notes.executescript(SCHEMA)
        self._kinds = dict.fromkeys(CHECKS, 0)
        self._first: list[tuple[int, str, str]] = []

    def _held(self, file: Path) -> HeldOut:
        """The part, or every so manyth line of it."""
        if self._step == 1:
            return HeldOut(file)
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as sample, file.open("rb") as lines:
            # Lines keep their numbers: those that are left out are blank.
            sample.writelines(line if at % self._step == 0 else b"\n" for at, line in enumerate(lines))
            sample.flush()
            return HeldOut(Path(sample.name))

    def look(self, batch: list[Seen]) -> None:
        book = Book(self._notes, [about for check in CHECKS.values() for about in check.ABOUT])
        for kind, check in CHECKS.items():
            check.look(self._states[kind], batch, book)
        book.flush()
        found: dict[int, tuple[str, str]] = {}
        for kind in reversed(CHECKS):
            select = "select number, note from finding_row where code = ?"
            found |= {number: (kind, note) for number, note in self._notes.execute(select, (f"leak_{kind}",))}
        self._notes.execute("delete from finding_row")
        for number, (kind, note) in sorted(found.items()):
            self._kinds[kind] += 1
            if len(self._first) < LISTED:
                self._first.append((number, kind, note))

    def told(self, place_of: PlaceOf) -> dict[str, Any]:
        self._notes.close()
        one, other = self._names
        listed = [
            {**dict(zip(("number", "line"), place_of(one, number), strict=True)), "kind": kind}
            | {"note": _said(note, other, place_of)}
            for number, kind, note in self._first
        ]
        told = {"parts": [one, other], "kinds": self._kinds, "listed": listed}
        return told | {"compared": self._compared, "held": self._rows}


def _said(note: str, part: str, place_of: PlaceOf) -> str:
    """A check's note names a line of the file that it was given: here, of the part."""

    def named(found: re.Match[str]) -> str:
        return f"{found[1]} {place_of(part, int(found[2].replace(',', '')))[1]:,} ({part})"

    return _LINE.sub(named, note)
