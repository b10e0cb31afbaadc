"""Rows that are copies but for a few words: MinHash finds candidates, the true Jaccard similarity decides.

Bands of 4 of 128 minima over word 2-grams let a pair at 0.68 (a tenth of its words edited) through with probability
0.999; word 3-grams then decide, at 0.5 (Broder 1997; Leskovec, Rajaraman, Ullman, chapter 3).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.data.again import contents
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.clusters import MOST_PAIRS, Clusters, candidate_pairs
from engine.data.columns import Column, equal_groups
from engine.data.seen import Seen
from engine.data.similar import Instructions, jaccard, long_enough, print_of, runs, spoken, units

ABOUT = (
    About(
        "near_duplicate",
        "Near-duplicates",
        "notice",
        "Copies with a few words changed weigh as much as copies, and leak from training into validation.",
        "Look at the groups; keep one row of each unless the difference is meant. Splits keep a group on one side.",
        "dedupe",
    ),
)
PERMUTATIONS, BAND, SEED = 128, 4, 42
THRESHOLD, FIRM = 0.5, 0.7
PAIRS_AT_ONCE = 4000
MEASURE: dict[str, Any] = {
    "measure": "Jaccard similarity of word 3-grams (character 5-grams where words are not parted) after NFKC, case "
    "folding and dropping punctuation; candidates by MinHash, each verified; system turns and constant openings left out",
    "threshold": THRESHOLD,
    "cannot_see": "rows that say the same in other words, and rows of fewer than five words",
}
# Above this share of the rows the copies change what is learnt; below, they are worth a look.
MANY = 0.05
_MIX = np.uint64(0x9E3779B97F4A7C15)


class _State:
    def __init__(self) -> None:
        self.instructions = Instructions()
        self.bands = Column(Path(tempfile.gettempdir()))


def start(options: Options) -> _State:
    return _State()


def look(state: _State, batch: list[Seen], book: Book) -> None:
    from rensa import RMinHash

    split = [units(spoken(seen.prompt, seen.answer, seen.rest)) for seen in batch]
    state.instructions.learn([words for words, _ in split])
    split = [(state.instructions.without(words), unparted) for words, unparted in split]
    sets = [runs(words, 5 if unparted else 2) if long_enough(words, unparted) else [] for words, unparted in split]
    if not sets:
        return
    matrix = RMinHash.digest_matrix_from_token_byte_sets([each or [b""] for each in sets], PERMUTATIONS, SEED)
    minima = np.array(matrix.to_rows(), dtype=np.uint64)
    keys = _band_keys(minima)
    keys[[place for place, each in enumerate(sets) if not each]] = 0
    state.bands.extend(keys.ravel().tolist())


def _band_keys(minima: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """rows × permutations → rows × bands: one number for the minima of each band; never 0, which means none."""
    parts = minima.reshape(len(minima), PERMUTATIONS // BAND, BAND)
    keys = np.zeros(parts.shape[:2], dtype=np.uint64)
    for place in range(BAND):
        keys = (keys ^ parts[:, :, place]) * _MIX
        keys ^= keys >> np.uint64(29)
    return keys | np.uint64(1)


def conclude(state: _State, book: Book, facts: Facts) -> None:
    bands = state.bands.values().reshape(-1, PERMUTATIONS // BAND)
    if len(bands) < 2:
        return
    first, copies = _copies(facts)
    pairs, capped = candidate_pairs(bands, first)
    clusters = Clusters(FIRM)
    for one, other, likeness in _verified(state, facts, pairs):
        clusters.join(one, other, likeness)
    numbers, lines = facts.columns["number"].values(), facts.columns["line"].values()
    coarse = facts.columns["coarse"].values()
    for group in clusters.groups():
        # Copies but for writing are reported as such; here only groups that hold more than one text.
        if len({int(coarse[place]) for place in group}) < 2:
            continue
        rows = sorted({row for place in group for row in (place, *copies.get(place, ()))})
        book.flag_group("near_duplicate", [(int(numbers[place]), int(lines[place])) for place in rows], _note(rows))
    if book.has("near_duplicate"):
        _describe(book, facts, capped)


def _note(rows: list[int]) -> str:
    return f"One of {len(rows):,} rows that are alike."


def _describe(book: Book, facts: Facts, capped: bool) -> None:
    finding = book.finding("near_duplicate")
    if (finding.surplus or 0) >= MANY * facts.usable:
        finding.severity = "repair"
    finding.extra |= MEASURE
    if capped:
        finding.extra["cannot_see"] += f"; only the first {MOST_PAIRS:,} candidate pairs were compared"


def _copies(facts: Facts) -> tuple[NDArray[np.bool_], dict[int, list[int]]]:
    """Which places are the first of their content, and the exact copies of each."""
    first = np.ones(facts.usable, dtype=np.bool_)
    copies: dict[int, list[int]] = {}
    for places in equal_groups(facts.columns["content"]):
        first[places[1:]] = False
        copies[places[0]] = places[1:]
    return first, copies


def _verified(state: _State, facts: Facts, pairs: NDArray[np.uint64]) -> list[tuple[int, int, float]]:
    """The pairs at or above the threshold, the most alike first. Rows are read again, some thousands at a time."""
    numbers = facts.columns["number"].values()
    found: list[tuple[int, int, float]] = []
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        part = pairs[start : start + PAIRS_AT_ONCE]
        ones = (part >> np.uint64(32)).astype(np.int64)
        others = (part & np.uint64(0xFFFFFFFF)).astype(np.int64)
        places = np.unique(np.r_[ones, others])
        prints = _prints(state, facts, [int(numbers[place]) for place in places])
        for one, other in zip(ones.tolist(), others.tolist(), strict=True):
            likeness = _likeness(prints, int(numbers[one]), int(numbers[other]))
            if likeness >= THRESHOLD:
                found.append((one, other, likeness))
    return sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1]))


def _prints(state: _State, facts: Facts, numbers: list[int]) -> dict[int, NDArray[np.int64]]:
    prints = {}
    for number, _, prompt, answer, rest in contents(facts, numbers):
        words, unparted = units(spoken(prompt, answer, rest))
        prints[number] = print_of(state.instructions.without(words), unparted)
    return prints


def _likeness(prints: dict[int, Any], one: int, other: int) -> float:
    nothing = cast("NDArray[np.int64]", np.zeros(0, np.int64))
    return jaccard(prints.get(one, nothing), prints.get(other, nothing))
