"""Rows that share long runs of words with prompts of the held-out file (13-grams: Brown and others 2020)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.leaks import HeldOut
from engine.data.seen import Seen
from engine.data.similar import runs, spoken, units

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
MEASURE: dict[str, Any] = {
    "measure": "13 words in a row of a test prompt, or half of its 8-word runs, unless two prompts share them",
    "threshold": CONTAINED,
    "cannot_see": "rows that ask the same in other words, and test prompts of fewer than eight words",
}
# ``look`` changes nothing in the state.
FIXED = True


class _State:
    def __init__(self, held: HeldOut) -> None:
        self.held = held
        self.sizes: dict[int, int] = {}
        self.lines: dict[int, dict[bytes, int]] = {length: {} for length in LENGTHS}
        for line, prompt in held.spoken.items():
            words, _ = units(prompt)
            self.sizes[line] = max(0, len(words) - LENGTHS[-1] + 1)
            for length in LENGTHS:
                for run in runs(words, length):
                    # A run of two test prompts is an instruction, not a question.
                    first = self.lines[length].setdefault(run, line)
                    if first != line:
                        self.lines[length][run] = 0


def start(options: Options) -> _State | None:
    return _State(options.held_out) if options.held_out is not None else None


def look(state: _State | None, batch: list[Seen], book: Book) -> None:
    if state is None:
        return
    shortest = state.lines[LENGTHS[-1]]
    for seen in batch:
        words, _ = units(spoken(seen.prompt, seen.answer, seen.rest))
        shared = Counter(shortest[run] for run in set(runs(words, LENGTHS[-1])) if run in shortest)
        shared.pop(0, None)
        if not shared or (seen.prompt_key and hash(seen.prompt_key) in state.held.prompts):
            continue  # the whole prompt is another finding
        line, count = min(shared.items(), key=lambda item: (-item[1], item[0]))
        length = next(n for n in LENGTHS if any(state.lines[n].get(run) == line for run in runs(words, n)))
        if count >= CONTAINED * state.sizes[line] or length == LENGTHS[0]:
            note = f"{length} words in a row of line {line} of the test file."
            book.flag("leak_ngram", seen.number, seen.line, note, f"{length}-gram")


def conclude(state: _State | None, book: Book, facts: Facts) -> None:
    if book.has("leak_ngram"):
        book.finding("leak_ngram").extra |= MEASURE
