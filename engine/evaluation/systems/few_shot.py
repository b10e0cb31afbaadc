"""Examples before the question: k pairs of the training rows, the same for every row or the nearest to each.

Never a row of the evaluation (materials.examples leaves them out). The nearest stand last, beside the question, for a
model attends most to what it has just read (Liu and others 2022, "What makes good in-context examples for GPT-3?").
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError
from engine.evaluation.cases import Case
from engine.evaluation.ranking.bm25 import Bm25
from engine.evaluation.systems import Asked, Prompting
from engine.evaluation.systems.materials import Materials, Pair
from engine.training.options import check, option


@dataclass(frozen=True)
class Options:
    k: int = option(
        4,
        label="Examples",
        why="More examples say more and cost room and time in every request.",
        group="examples",
        level="simple",
        minimum=1,
        maximum=32,
    )
    pick: str = option(
        "random",
        label="Picked",
        why="Nearest compares words with those of each question (BM25); random takes the same examples for all rows, "
        "which are then read once.",
        group="examples",
        level="simple",
        choices=(("random", "At random, the same for every row"), ("nearest", "Nearest to each question")),
    )
    seed: int = option(
        42, label="Seed", why="The same seed draws the same examples.", group="examples", minimum=0, maximum=2**31 - 1
    )

    def __post_init__(self) -> None:
        check(self, "few_shot")


def prepare(options: Options, materials: Materials) -> Prompting:
    """Raises EngineError("Data") without a training row that is none of the rows asked."""
    pairs = materials.examples
    if not pairs:
        raise EngineError(
            "Data",
            "There is no training row to take examples from that is not among the rows asked.",
            "Evaluate the test part of a split that has training rows.",
        )
    choose = _nearest(pairs, options.k) if options.pick == "nearest" else _random(pairs, options)

    def ask(case: Case) -> Asked:
        return Asked(before_question(case.messages, choose(case)))

    return ask


def before_question(messages: tuple[dict[str, Any], ...], pairs: list[Pair]) -> tuple[dict[str, Any], ...]:
    """The conversation with the pairs as turns after its system turns."""
    head = next((place for place, turn in enumerate(messages) if turn["role"] != "system"), len(messages))
    shown = [
        turn
        for pair in pairs
        for turn in ({"role": "user", "content": pair.prompt}, {"role": "assistant", "content": pair.answer})
    ]
    return (*messages[:head], *shown, *messages[head:])


def _random(pairs: list[Pair], options: Options) -> Callable[[Case], list[Pair]]:
    drawn = random.Random(options.seed).sample(pairs, min(options.k, len(pairs)))
    return lambda case: drawn


def _nearest(pairs: list[Pair], k: int) -> Callable[[Case], list[Pair]]:
    ranker = Bm25([pair.prompt for pair in pairs])
    return lambda case: [pairs[place] for place, _ in reversed(ranker.best(case.prompt, k))]
