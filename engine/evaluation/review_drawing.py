"""Which rows a blind review shows, to whom, and in which order the answers stand. No torch, the web may import it.

Everything is drawn by a seed: the same rows, people and seed give the same review.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

LEAST_SYSTEMS, MOST_SYSTEMS = 2, 3
MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Drawn:
    """``rows`` are shown, in the order of the evaluation; ``equal`` were drawn, but all answers to them are the same,
    so that there is nothing to prefer; ``unanswered`` lack the answer of a system."""

    rows: tuple[int, ...]
    equal: tuple[int, ...]
    unanswered: int


def draw_rows(answers: Mapping[int, Sequence[str | None]], count: int, seed: int, only_different: bool) -> Drawn:
    """``answers``: row → the text of each system, None where it gave none.

    At random, ``count`` rows are drawn from all that were answered and those with equal answers set aside, so that the
    rest stands for the whole. With ``only_different`` the draw is from the rows whose answers differ.
    """
    whole = {row: texts for row, texts in answers.items() if all(text is not None for text in texts)}
    same = {row for row, texts in whole.items() if len(set(texts)) == 1}
    pool = sorted(set(whole) - same if only_different else whole)
    drawn = set(random.Random(f"rows {seed}").sample(pool, min(count, len(pool))))
    equal = same if only_different else same & drawn
    return Drawn(tuple(sorted(drawn - same)), tuple(sorted(equal)), len(answers) - len(whole))


def deal(rows: Sequence[int], reviewers: Sequence[int], overlap: float, seed: int) -> dict[int, list[int]]:
    """Reviewer → rows in the order of asking. The share ``overlap`` (0..1) of the rows goes to everybody, the others
    to one person each in turn; each list is shuffled for itself."""
    shuffled = list(rows)
    random.Random(f"deal {seed}").shuffle(shuffled)
    shared = len(shuffled) if len(reviewers) == 1 else round(overlap * len(shuffled))
    dealt: dict[int, list[int]] = {}
    for place, reviewer in enumerate(reviewers):
        own = shuffled[:shared] + shuffled[shared:][place :: len(reviewers)]
        random.Random(f"order {seed} {reviewer}").shuffle(own)
        dealt[reviewer] = own
    return dealt


def orders(systems: Sequence[str], count: int, seed: int, reviewer: int) -> list[tuple[str, ...]]:
    """For each of ``count`` items the systems from left to right. Every order is used equally often (but for a
    remainder), so that a liking for one place favours nobody; which comes when is drawn for this reviewer."""
    drawn = random.Random(f"places {seed} {reviewer}")
    every = list(permutations(systems))
    drawn.shuffle(every)
    found = [every[place % len(every)] for place in range(count)]
    drawn.shuffle(found)
    return found
