"""Rows alike on two sides of a split: found by an exact search, whatever the audit's own search let through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.errors import RowProblem
from engine.data.formats import detect, to_example
from engine.data.pairs import Pairs
from engine.data.records import Problem, Record
from engine.data.seen import content
from engine.data.shingles import run_hashes, word_hashes, words_of
from engine.data.similar import LEAST_CHARACTERS, LEAST_WORDS, Instructions, spoken, units
from engine.data.splits import LEFT_OUT, Places
from engine.data.splits.rows import Rows

ALIKE = 0.5
# Held-out rows whose runs are held in memory (some kilobytes each), and how many of them one row is compared with.
MOST_HELD, MOST_COMPARED = 20_000, 200
# A run that more held-out rows have says nothing of one of them.
MOST_OFTEN = 2000
BATCH = 1000
MEASURE = (
    "Jaccard similarity of word 3-grams (character 5-grams where words are not parted) after NFKC, case folding and "
    "dropping punctuation; system turns left out, and constant openings that are half of a row or more"
)

Prints = NDArray[np.uint64]


@dataclass(frozen=True)
class Crossing:
    """``pairs`` of row numbers on two sides; ``compared`` held-out rows of ``held`` were compared with every row of the
    other parts; ``whole`` says that nothing of that was cut short."""

    pairs: Pairs
    compared: int
    held: int
    whole: bool

    def as_json(self, likeness: float, joined: int) -> dict[str, Any]:
        """``pairs`` on two sides at ``threshold`` or above; ``below``, rows alike to a row of another side at ``ALIKE``
        or above, but not at the threshold. ``joined``: pairs that this search found and put on one side."""
        at = self.pairs.likeness >= likeness
        below = np.unique(np.r_[self.pairs.ones[~at], self.pairs.others[~at]])
        return {
            "measure": MEASURE,
            "threshold": likeness,
            "pairs": int(at.sum()),
            "below": len(below),
            "joined": joined,
            "compared": self.compared,
            "held": self.held,
            "whole": self.whole and self.compared == self.held,
        }


def across(rows: Rows, places: Places, records: Callable[[], Iterator[Record | Problem]]) -> Crossing:
    """The pairs at ``ALIKE`` or above of which the two rows are in two parts. Reads the file twice."""
    held = rows.numbers[(places[rows.numbers] != 0) & (places[rows.numbers] != LEFT_OUT)]
    chosen = held[np.argsort(rows.keys[held], kind="stable")[:MOST_HELD]]
    index = _Index(rows, places)
    index.hold(_prints(records(), set(chosen.tolist())))
    pairs = [index.look(number, found) for number, found in _prints(records(), None)]
    flat = [each for several in pairs for each in several]
    ones, others = np.array([pair[:2] for pair in flat], np.int64).reshape(-1, 2).T
    likeness = np.array([pair[2] for pair in flat], np.float32)
    return Crossing(Pairs(ones, others, likeness), len(chosen), len(held), index.whole)


class _Index:
    """Held-out rows by the runs of which a row alike to them has at least one.

    Two sets at Jaccard 0.5 share at least half of either, so that one of any n/2 + 1 runs of a row is among them
    (prefix filter, Chaudhuri and others 2006); the rarest are kept. What they find is then compared in full.
    """

    def __init__(self, rows: Rows, places: Places) -> None:
        self._roots, self._places = rows.roots, places
        self.whole = True

    def hold(self, rows: Iterable[tuple[int, Prints]]) -> None:
        held = list(rows)
        self._numbers = np.array([number for number, _ in held], np.int64)
        self._prints = [found for _, found in held]
        often = Counter(run for found in self._prints for run in found.tolist())
        keys: list[int] = []
        owners: list[int] = []
        for place, found in enumerate(self._prints):
            rarest = sorted(found.tolist(), key=lambda run: (often[run], run))[: len(found) // 2 + 1]
            useful = [run for run in rarest if often[run] <= MOST_OFTEN]
            self.whole &= len(useful) == len(rarest)
            keys += useful
            owners += [place] * len(useful)
        order = np.argsort(np.array(keys, np.uint64), kind="stable")
        self._keys, self._owners = np.array(keys, np.uint64)[order], np.array(owners, np.int64)[order]

    def look(self, number: int, found: Prints) -> list[tuple[int, int, float]]:
        """The held-out rows of other parts that this row is alike to: (number, theirs, likeness)."""
        part = self._places[number]
        if part == LEFT_OUT or not len(self._keys):
            return []
        starts, ends = np.searchsorted(self._keys, found, "left"), np.searchsorted(self._keys, found, "right")
        hits = np.flatnonzero(ends > starts)
        if not len(hits):
            return []
        owners = np.concatenate([self._owners[starts[hit] : ends[hit]] for hit in hits.tolist()])
        owners, shared = np.unique(owners, return_counts=True)
        theirs = self._numbers[owners]
        # Rows with one root are on one side already.
        other = (self._places[theirs] != part) & (self._roots[theirs] != self._roots[number])
        owners, shared = owners[other], shared[other]
        self.whole &= len(owners) <= MOST_COMPARED
        several = []
        for owner in owners[np.argsort(-shared, kind="stable")[:MOST_COMPARED]].tolist():
            likeness = _jaccard(found, self._prints[owner])
            if likeness >= ALIKE:
                several.append((number, int(self._numbers[owner]), likeness))
        return several


def _jaccard(one: Prints, other: Prints) -> float:
    small, large = sorted((len(one), len(other)))
    if small < ALIKE * large:
        return 0.0
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (small + large - both)


def _prints(records: Iterator[Record | Problem], wanted: set[int] | None) -> Iterator[tuple[int, Prints]]:
    """(number, its runs as numbers, each once) of usable rows, all or those ``wanted``."""
    instructions = Instructions()
    texts = _texts(records)
    while batch := list(islice(texts, BATCH)):
        if not instructions.learnt:
            instructions.learn([units(text)[0] for _, text in batch])
        parted = [(number, words_of(text)) for number, text in batch if wanted is None or number in wanted]
        for unparted, length, least in ((0, 3, LEAST_WORDS), (1, 5, LEAST_CHARACTERS)):
            here = [(number, _varying(instructions, text)) for number, (text, kind) in parted if kind == unparted]
            hashes, offsets = word_hashes([text for _, text in here])
            enough = np.diff(offsets) >= least
            runs, offsets = run_hashes(hashes, offsets, length)
            for place in np.flatnonzero(enough).tolist():
                yield here[place][0], np.unique(runs[offsets[place] : offsets[place + 1]])


def _varying(instructions: Instructions, text: bytes) -> bytes:
    """A row without its constant opening, where that is most of it and would make all such rows alike. The audit leaves
    out shorter ones, too, so that it need not look at so many pairs; of whole rows more are alike."""
    left = instructions.strip(text)
    return text if 2 * len(left.split()) > len(text.split()) else left


def _texts(records: Iterator[Record | Problem]) -> Iterator[tuple[int, str]]:
    for record in records:
        if isinstance(record, Record):
            try:
                yield record.number, spoken(*content(to_example(record.row, detect(record.row))))
            except RowProblem:
                continue
