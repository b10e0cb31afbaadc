"""Which rows of a file stand in a test file: the same row, the same prompt, its passages, or nearly the same words."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from engine.data.book import Book
from engine.data.checks import Options, leak_identical, leak_ngram, leak_prompt
from engine.data.errors import RowProblem
from engine.data.formats import detect, to_example
from engine.data.index import SCHEMA
from engine.data.leaks import HeldOut
from engine.data.records import Problem, Reader, Record
from engine.data.seen import Seen, see
from engine.data.similar import Instructions, jaccard, long_enough, print_of, spoken, units

# The audit's own checks, the plainest first: a row counts for the first that finds it.
CHECKS = {"identical": leak_identical, "prompt": leak_prompt, "ngram": leak_ngram}
ALIKE = 0.5
# So many rows of the test file are compared with a row, those that share most with it.
MOST_COMPARED = 50
BATCH = 1000
CANNOT_SEE = (
    "Rows that ask the same in other words cannot be seen, nor test prompts of fewer than five words that were changed."
)


@dataclass(frozen=True, slots=True)
class Leak:
    """``kind`` is identical, prompt, ngram, near or group; ``note`` names the line of the test file."""

    number: int
    line: int
    kind: str
    note: str


def find_leaks(test: Path, records: Iterable[Record | Problem]) -> Iterator[Leak]:
    """The usable rows among ``records`` that stand in ``test``, which is held in memory. Raises FileRefused."""
    held = HeldOut(test)
    near = _Near(test)
    states = {kind: check.start(Options(held_out=held)) for kind, check in CHECKS.items()}
    with sqlite3.connect("") as notes:
        notes.executescript(SCHEMA)
        for batch in in_batches(usable_rows(records)):
            book = Book(notes, [about for check in CHECKS.values() for about in check.ABOUT])
            for kind, check in CHECKS.items():
                check.look(states[kind], batch, book)
            book.flush()
            found: dict[int, tuple[str, str]] = {}
            for code, number, note in notes.execute("select code, number, note from finding_row"):
                kind = code.removeprefix("leak_")
                if number not in found or list(CHECKS).index(kind) < list(CHECKS).index(found[number][0]):
                    found[number] = (kind, note)
            notes.execute("delete from finding_row")
            near.learn(batch)
            for seen in batch:
                kind, note = found.get(seen.number) or ("near", near.note(seen))
                if note:
                    yield Leak(seen.number, seen.line, kind, note)
    notes.close()


class _Near:
    """Rows of the test file by the word runs of which a near-duplicate must have at least one.

    Two sets at Jaccard 0.5 share at least half of either, so that one of any (n - n/2 + 1) runs of a test row is among
    them (prefix filter, Chaudhuri and others 2006); the rarest are kept. What they find is then compared in full.
    """

    def __init__(self, test: Path) -> None:
        self._test = test
        self._instructions = Instructions()
        self._learnt = False

    def learn(self, batch: list[Seen]) -> None:
        """The first batch tells which openings are constant; then the test file is read by them."""
        if self._learnt:
            return
        self._learnt = True
        self._instructions.learn([_words(seen)[0] for seen in batch])
        rows = [(seen.line, found) for seen in usable_rows(Reader(self._test)) if len(found := self._print(seen))]
        self._lines = [line for line, _ in rows]
        self._prints = [found for _, found in rows]
        often = Counter(run for found in self._prints for run in found.tolist())
        keys, places = [], []
        for place, found in enumerate(self._prints):
            rarest = sorted(found.tolist(), key=lambda run: (often[run], run))[: len(found) // 2 + 1]
            keys += rarest
            places += [place] * len(rarest)
        order = np.argsort(np.array(keys, np.int64), kind="stable")
        self._keys, self._places = np.array(keys, np.int64)[order], np.array(places, np.int64)[order]

    def note(self, seen: Seen) -> str:
        """Which test row it is nearly a copy of, or nothing."""
        found = self._print(seen)
        starts, ends = np.searchsorted(self._keys, found, "left"), np.searchsorted(self._keys, found, "right")
        hits = np.flatnonzero(ends > starts)
        if not len(hits):
            return ""
        shared = np.concatenate([self._places[starts[hit] : ends[hit]] for hit in hits.tolist()])
        places, counts = np.unique(shared, return_counts=True)
        for place in places[np.argsort(-counts, kind="stable")[:MOST_COMPARED]].tolist():
            if (likeness := jaccard(found, self._prints[place])) >= ALIKE:
                return f"{likeness:.0%} of the word runs of line {self._lines[place]:,} of the test file."
        return ""

    def _print(self, seen: Seen) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        words, unparted = _words(seen)
        words = self._instructions.without(words)
        return print_of(words, unparted) if long_enough(words, unparted) else np.zeros(0, np.int64)


def _words(seen: Seen) -> tuple[list[bytes], int]:
    return units(spoken(seen.prompt, seen.answer, seen.rest))


def usable_rows(records: Iterable[Record | Problem]) -> Iterator[Seen]:
    """The rows that can be used, as checks see them."""
    for record in records:
        if isinstance(record, Record):
            with suppress(RowProblem):
                name = detect(record.row)
                yield see(record.number, record.line, name, to_example(record.row, name))


def in_batches(rows: Iterator[Seen]) -> Iterator[list[Seen]]:
    for first in rows:
        yield [first, *islice(rows, BATCH - 1)]
