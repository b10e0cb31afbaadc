"""Rows that are copies but for a few words: MinHash finds candidates, the true Jaccard similarity decides.

Bands of 4 of 112 minima over word 2-grams let a pair at 0.68 (a tenth of its words edited) through with probability
0.999; word 3-grams then decide, at 0.5 (Broder 1997; Leskovec, Rajaraman, Ullman, chapter 3).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data import pairs as near_pairs
from engine.data.again import contents
from engine.data.bands import MOST_PAIRS, Bands, Kept
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.clusters import groups
from engine.data.columns import equal_groups
from engine.data.pairs import Pairs
from engine.data.seen import Seen
from engine.data.shingles import (
    Hashes,
    Offsets,
    hashed,
    run_hashes,
    said,
    some_rows,
    without_first,
    word_hashes,
    words_of,
)
from engine.data.similar import LEAST_CHARACTERS, LEAST_WORDS, Instructions, spoken, units

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
BANDS, BAND, SEED = 28, 4, 42
THRESHOLD, FIRM = 0.5, 0.7
PAIRS_AT_ONCE = 4000
MEASURE: dict[str, Any] = {
    "measure": "Jaccard similarity of word 3-grams (character 5-grams where words are not parted) after NFKC, case "
    "folding and dropping punctuation; candidates by MinHash, each verified; system turns and constant openings left "
    "out",
    "threshold": THRESHOLD,
    "cannot_see": "rows that say the same in other words, and rows of fewer than five words",
}
# Above this share of the rows the copies change what is learnt; below, they are worth a look.
MANY = 0.05
_MIX = np.uint64(0x9E3779B97F4A7C15)
_MINIMA = struct.Struct(f"{BANDS * BAND}I")


class _State:
    def __init__(self) -> None:
        self.instructions = Instructions()
        self.bands = Bands(BANDS)


def start(options: Options) -> _State:
    return _State()


def prepare(state: _State, batch: list[Seen]) -> None:
    """The constant openings are those of the first rows, whichever process looks at the others."""
    if not state.instructions.learnt:
        state.instructions.learn([units(spoken(seen.prompt, seen.answer, seen.rest))[0] for seen in batch])


def look(state: _State, batch: list[Seen], book: Book) -> None:
    prepare(state, batch)
    keys = np.zeros((len(batch), BANDS), dtype=np.uint64)
    sketches = np.zeros((len(batch), BANDS * BAND), dtype=np.uint8)
    hashes, offsets = hashed(batch)
    texts = [said(seen) for seen in batch]
    if state.instructions.any:
        hashes, offsets = without_first(hashes, offsets, [state.instructions.opening(text) for text, _ in texts])
    kinds = np.array([unparted for _, unparted in texts])
    for unparted, length, least in ((0, 2, LEAST_WORDS), (1, 5, LEAST_CHARACTERS)):
        places = np.flatnonzero((kinds == unparted) & (np.diff(offsets) >= least))
        if len(places):
            keys[places], sketches[places] = _band_keys(*run_hashes(*some_rows(hashes, offsets, places), length))
    state.bands.add((keys, sketches))


def hand_over(state: _State) -> Kept:
    return state.bands.take()


def take_over(state: _State, part: Kept) -> None:
    state.bands.add(part)


def _band_keys(runs: Hashes, offsets: Offsets) -> Kept:
    """One number for the minima of each band, never 0, which means none; and the last byte of each minimum."""
    from rensa import RMinHash

    matrix = RMinHash.digest_matrix_from_flat_token_hashes(runs, offsets.astype(np.uint64), BANDS * BAND, SEED)
    packed = b"".join([_MINIMA.pack(*row) for row in matrix.to_rows()])
    minima = np.frombuffer(packed, dtype=np.uint32).astype(np.uint64)
    parts = minima.reshape(-1, BANDS, BAND)
    keys = np.zeros(parts.shape[:2], dtype=np.uint64)
    for place in range(BAND):
        keys = (keys ^ parts[:, :, place]) * _MIX
        keys ^= keys >> np.uint64(29)
    return keys | np.uint64(1), minima.astype(np.uint8).reshape(len(keys), -1)


def conclude(state: _State, book: Book, facts: Facts) -> None:
    if facts.usable < 2:
        book.pass_over({"near_duplicate": MEASURE}, "there are fewer than two rows")
        return
    first, copies = _copies(facts)
    candidates, capped = state.bands.pairs(first)
    found = _verified(state, facts, candidates)
    numbers, lines = facts.columns["number"].values(), facts.columns["line"].values()
    coarse = facts.columns["coarse"].values()
    for group in groups(found, FIRM):
        # Copies but for writing are reported as such; here only groups that hold more than one text.
        if len({int(coarse[place]) for place in group}) < 2:
            continue
        rows = sorted({row for place in group for row in (place, *copies.get(place, ()))})
        book.flag_group("near_duplicate", [(int(numbers[place]), int(lines[place])) for place in rows], _note(rows))
    near_pairs.write(facts.connection, _with_copies(found, copies, numbers))
    _describe(book, facts, capped)


def _with_copies(found: Pairs, copies: dict[int, list[int]], numbers: NDArray[np.uint64]) -> Pairs:
    """The pairs by row number, and with them the exact copies of rows that are in one."""
    known = np.unique(np.r_[found.ones, found.others]).tolist()
    firsts = [(place, copy) for place in known for copy in copies.get(place, ())]
    ones, others = np.array(firsts, np.int64).reshape(-1, 2).T
    same = Pairs(ones, others, np.ones(len(firsts), np.float32))
    every = Pairs.joined([found, same])
    by_place = numbers.astype(np.int64) if len(every) else np.zeros(0, np.int64)
    return Pairs(by_place[every.ones], by_place[every.others], every.likeness)


def _note(rows: list[int]) -> str:
    return f"One of {len(rows):,} rows that are alike."


def _describe(book: Book, facts: Facts, capped: bool) -> None:
    """``surplus`` are the rows that go when of rows that are alike (and of one label) the first stays."""
    only = f"; only the first {MOST_PAIRS:,} candidate pairs were compared" if capped else ""
    book.say({"near_duplicate": {**MEASURE, "cannot_see": MEASURE["cannot_see"] + only}})
    if not book.has("near_duplicate"):
        return
    book.flush()
    finding = book.finding("near_duplicate")
    found, mixed = near_pairs.removable(facts.connection, labelled=facts.label_balance is not None)
    finding.surplus = len(found)
    if finding.surplus >= MANY * facts.usable:
        finding.severity = "repair"
    if mixed:
        finding.extra["mixed_labels"] = mixed


def _copies(facts: Facts) -> tuple[NDArray[np.bool_], dict[int, list[int]]]:
    """Which places are the first of their content, and the exact copies of each."""
    first = np.ones(facts.usable, dtype=np.bool_)
    copies: dict[int, list[int]] = {}
    for places in equal_groups(facts.columns["content"]):
        first[places[1:]] = False
        copies[places[0]] = places[1:]
    return first, copies


def jaccard(one: set[int], other: set[int]) -> float:
    both = len(one & other)
    return both / max(1, len(one) + len(other) - both)


def _verified(state: _State, facts: Facts, pairs: NDArray[np.uint64]) -> Pairs:
    """The pairs at or above the threshold. Rows are read again, some thousands at a time."""
    numbers = facts.columns["number"].values()
    found: list[Pairs] = []
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        facts.tell(start, len(pairs))
        part = pairs[start : start + PAIRS_AT_ONCE]
        ones = (part >> np.uint64(32)).astype(np.int64)
        others = (part & np.uint64(0xFFFFFFFF)).astype(np.int64)
        places = np.unique(np.r_[ones, others])
        prints = _prints(state, facts, [int(numbers[place]) for place in places])
        likeness = np.array(
            [
                jaccard(prints.get(int(numbers[one]), set()), prints.get(int(numbers[other]), set()))
                for one, other in zip(ones.tolist(), others.tolist(), strict=True)
            ]
        )
        alike = likeness >= THRESHOLD
        found.append(Pairs(ones[alike], others[alike], likeness[alike].astype(np.float32)))
    return Pairs.joined(found)


def _prints(state: _State, facts: Facts, numbers: list[int]) -> dict[int, set[int]]:
    """Row number → the set by which rows are compared: word 3-grams (character 5-grams), as numbers."""
    prints: dict[int, set[int]] = {}
    found = [(number, words_of(spoken(*parts))) for number, _, *parts in contents(facts, numbers)]
    for unparted, length in ((0, 3), (1, 5)):
        rows = [(number, state.instructions.strip(text)) for number, (text, kind) in found if kind == unparted]
        runs, offsets = run_hashes(*word_hashes([text for _, text in rows]), length)
        for place, (number, _) in enumerate(rows):
            prints[number] = set(runs[offsets[place] : offsets[place + 1]].tolist())
    return prints
