"""What is doubtful about a candidate: the audit's own checks on one row, and its likeness to what there is already."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict

from engine.data.book import Book
from engine.data.checks import Options, load
from engine.data.checks.near_duplicate import THRESHOLD
from engine.data.example import Example
from engine.data.seen import Seen, see
from engine.data.similar import Instructions, Words, long_enough, print_of, spoken, units
from engine.drafting.seeds import Seed

# Checks of the audit that judge a row by itself.
CHECKS = (
    "prompt_equals_answer",
    "template_in_content",
    "placeholder_text",
    "refusal_boilerplate",
    "repetition_loop",
    "truncated_answer",
    "pii_email",
    "personal_data",
    "secret",
    "control_characters",
    "zero_width",
    "bidi_override",
    "mojibake",
)
Flag = dict[str, str]  # code, title, note


class Judge:
    """Judges candidates one after the other and remembers them: each is compared with the seeds and with those before.

    ``answering``: candidates have the prompts of the seeds, so only their answers can be copies.
    """

    def __init__(self, seeds: list[Seed], *, answering: bool = False) -> None:
        self._answering = answering
        self._modules = [load(name) for name in CHECKS]
        self._titles = {about.code: about.title for module in self._modules for about in module.ABOUT}
        self._copies: dict[bytes, str] = {}
        self._notes = _Notes()
        self._likeness = _Likeness()
        self._instructions = Instructions()
        seen = [(seed, see(seed.number, seed.line, seed.format, seed.example)) for seed in seeds]
        self._instructions.learn([self._words(each)[0] for _, each in seen])
        self._answers = {seed.number: each.answer_key for seed, each in seen}
        if not answering:
            for seed, each in seen:
                self._remember(each, f"seed row {seed.line}")

    def judge(self, example: Example, number: int, *, seed: int = 0, finished: bool = True) -> list[Flag]:
        """The flags of one candidate, whose ``number`` others are then told apart by."""
        seen = see(number, number, example.shape, example)
        flags = [] if finished else [_flag("cut_off", "Cut off", "The answer reached the limit of tokens.")]
        flags += self._copied(seen, seed)
        book = self._notes
        book.taken.clear()
        for module in self._modules:
            module.look(module.start(Options()), [seen], book)
        flags += [_flag(code, self._titles.get(code, code), note) for code, note in book.taken]
        self._remember(seen, f"draft {number}")
        return flags

    def _copied(self, seen: Seen, seed: int) -> list[Flag]:
        if self._answering and self._answers.get(seed) == seen.answer_key:
            return [_flag("same_answer", "The answer the row has", "The teacher says what the row says already.")]
        if seen.key in self._copies:
            return [_flag("duplicate", "Copy", f"It says the same as {self._copies[seen.key]}.")]
        if self._answering:
            return []
        share, who = self._likeness.nearest(*self._words(seen))
        if share < THRESHOLD:
            return []
        return [_flag("near_duplicate", "Near-duplicate", f"It shares {share:.0%} of its wording with {who}.")]

    def _remember(self, seen: Seen, who: str) -> None:
        self._copies.setdefault(seen.key, who)
        self._likeness.add(*self._words(seen), who)

    def _words(self, seen: Seen) -> tuple[Words, int]:
        words, unparted = units(spoken(seen.prompt, seen.answer, seen.rest))
        return self._instructions.without(words), unparted


class _Likeness:
    """Jaccard similarity with the audit's measure, exact: each run of words knows which texts have it."""

    def __init__(self) -> None:
        self._having: defaultdict[int, list[int]] = defaultdict(list)
        self._sizes: list[int] = []
        self._who: list[str] = []

    def add(self, words: Words, unparted: int, who: str) -> None:
        if not long_enough(words, unparted):
            return
        for each in (runs := print_of(words, unparted).tolist()):
            self._having[each].append(len(self._sizes))
        self._sizes.append(len(runs))
        self._who.append(who)

    def nearest(self, words: Words, unparted: int) -> tuple[float, str]:
        """(the highest similarity, with whom); (0, "") when nothing is shared."""
        if not long_enough(words, unparted):
            return 0.0, ""
        runs = print_of(words, unparted).tolist()
        shared = Counter(place for each in runs for place in self._having.get(each, ()))
        shares = ((both / (len(runs) + self._sizes[place] - both), self._who[place]) for place, both in shared.items())
        return max(shares, default=(0.0, ""))


class _Notes(Book):
    """Takes down what checks say of one row."""

    def __init__(self) -> None:
        super().__init__(sqlite3.connect(":memory:"), [])
        self.taken: list[tuple[str, str]] = []

    def flag(self, code: str, number: int, line: int, note: str = "", kind: str = "", group: int | None = None) -> None:
        self.taken.append((code, note[:300]))


def _flag(code: str, title: str, note: str) -> Flag:
    return {"code": code, "title": title, "note": note}
