"""Rows that share long runs of words with prompts of the held-out file (13-grams: Brown and others 2020)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.leaks import HeldOut, say
from engine.data.seen import Seen
from engine.data.shingles import Hashes, hashed, run_hashes, said, word_hashes, words_of
from engine.data.similar import runs

ABOUT = (
    About(
        "leak_ngram",
        "Passages of the test file",
        "repair",
        "Most of a test question was seen in training, in another row's words: its score measures memory.",
        "Look at them; drop those that ask the same from the training data.",
        "drop",
    ),
)
LENGTHS, CONTAINED = (13, 10, 8), 0.5
MEASURES: dict[str, dict[str, Any]] = {
    "leak_ngram": {
        "measure": "13 words in a row of a test prompt (or of held-out raw text), or half of its 8-word runs, unless "
        "two of them share these",
        "threshold": CONTAINED,
        "cannot_see": "rows that ask the same in other words, and test prompts of fewer than eight words",
    }
}
# ``look`` changes nothing in the state.
FIXED = True


class _Known:
    """Is a number one of these? A bit for the upper part of each answers nearly always, and stays in the cache."""

    def __init__(self, numbers: Hashes) -> None:
        self._sorted = np.unique(numbers)
        self._shift = np.uint64(64 - min(26, max(16, (16 * len(numbers)).bit_length())))
        self._bits = np.zeros(1 << int(64 - self._shift), np.bool_)
        self._bits[self._sorted >> self._shift] = True

    def places(self, numbers: Hashes) -> NDArray[np.int64]:
        """Where in ``numbers`` one of them stands, rising."""
        maybe = np.flatnonzero(self._bits[numbers >> self._shift])
        found = np.searchsorted(self._sorted, numbers[maybe])
        found[found == len(self._sorted)] = 0
        return maybe[self._sorted[found] == numbers[maybe]] if len(self._sorted) else maybe


class _State:
    def __init__(self, held: HeldOut) -> None:
        self.held = held
        self.sizes: dict[int, int] = {}
        self.short = 0
        self.lines: dict[int, dict[bytes, int]] = {length: {} for length in LENGTHS}
        prompts: set[bytes] = set()
        for line, prompt in held.spoken.items():
            text = words_of(prompt)[0]
            if text in prompts:  # the same test prompt again is no instruction that two of them share
                continue
            prompts.add(text)
            words = text.split()
            self.sizes[line] = max(0, len(words) - LENGTHS[-1] + 1)
            self.short += not self.sizes[line]
            for length in LENGTHS:
                for run in runs(words, length):
                    # A run of two test prompts is an instruction, not a question.
                    first = self.lines[length].setdefault(run, line)
                    if first != line:
                        self.lines[length][run] = 0
        own = [run for run, line in self.lines[LENGTHS[-1]].items() if line]
        self.known = _Known(run_hashes(*word_hashes(own), LENGTHS[-1])[0])


def start(options: Options) -> _State | None:
    return _State(options.held_out) if options.held_out is not None else None


def look(state: _State | None, batch: list[Seen], book: Book) -> None:
    if state is None:
        return
    shortest = state.lines[LENGTHS[-1]]
    hashes, offsets = hashed(batch)
    numbers, offsets = run_hashes(hashes, offsets, LENGTHS[-1])
    found = state.known.places(numbers)
    rows = np.searchsorted(offsets, found, side="right") - 1
    borders = np.flatnonzero(np.diff(rows)) + 1
    # Only rows that have the number of a known run are looked at word by word, and only where they have it.
    for place, known in (
        zip(rows[np.r_[0, borders]].tolist(), np.split(found, borders), strict=True) if len(rows) else ()
    ):
        seen = batch[place]
        words = said(seen)[0].split()
        begins = (known - offsets[place]).tolist()
        held = {b" ".join(words[begin : begin + LENGTHS[-1]]) for begin in begins}
        shared = Counter(shortest[run] for run in held if run in shortest)
        shared.pop(0, None)
        if not shared or state.held.prompt_line(seen) is not None:
            continue  # the whole prompt is another finding
        line, count = min(shared.items(), key=lambda item: (-item[1], item[0]))
        contained = count >= CONTAINED * state.sizes[line]
        if not contained and len(begins) <= LENGTHS[0] - LENGTHS[-1]:
            continue  # a run of 13 words holds six of 8
        length = next(n for n in LENGTHS if any(state.lines[n].get(run) == line for run in runs(words, n)))
        if contained or length == LENGTHS[0]:
            note = f"{length} words in a row of line {line} of the test file."
            book.flag("leak_ngram", seen.number, seen.line, note, f"{length}-gram")


def conclude(state: _State | None, book: Book, facts: Facts) -> None:
    said = dict(MEASURES["leak_ngram"])
    if state is not None and state.short:
        said["cannot_see"] += f"; {state.short:,} of the {len(state.sizes):,} different held-out prompts are that short"
    say({"leak_ngram": said}, state.held if state else None, book)
