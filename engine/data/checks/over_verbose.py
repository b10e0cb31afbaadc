"""Answers far longer than those to prompts alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.data.again import examples
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.sample import part, sample
from engine.data.seen import Seen

ABOUT = (
    About(
        "over_verbose",
        "Answers longer than their kind",
        "notice",
        "A few long-winded answers among terse ones teach the model to ramble, and cost the most tokens.",
        "Look at them; shorten them, or drop those that say no more than the others.",
    ),
)
# Iglewicz and Hoaglin 1993: a robust z above 3.5 is an outlier. A spread below a quarter is not counted as smaller.
Z, LEAST_SPREAD, TIMES, LEAST_CHARACTERS = 3.5, float(np.log(1.25)), 3.0, 200
LEAST_ROWS, LEAST_IN_CLUSTER, MOST_CANDIDATES, MOST_OUT, FEW = 50, 20, 20_000, 0.05, 3


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    """Nothing: the audit keeps each row's length in characters, and the clusters are of a sample of rows."""


def conclude(state: None, book: Book, facts: Facts) -> None:
    """The fence of each cluster comes from the sampled rows; every row longer than the lowest is looked at again."""
    if facts.clusters is None or facts.label_balance is not None or facts.usable < LEAST_ROWS:
        return
    parts = sample(facts).parts
    lengths = np.array([each.answer_characters for each in parts])
    fences = _fences(lengths, facts.clusters.of[: len(parts)])
    candidates = np.flatnonzero(facts.columns["characters"].values() > fences.min())
    step = max(1, -(-len(candidates) // MOST_CANDIDATES))
    numbers = facts.columns["number"].values()[candidates[::step]]
    # Most are long by their prompt: those need no cluster.
    again = examples(facts, [int(number) for number in numbers])
    found = [part(*each, facts.mask) for each in again if len(each[2].answer) > fences.min()]
    of = facts.clusters.assign([each.prompt for each in found]) if found else []
    for each, cluster in zip(found, of, strict=True):
        if each.answer_characters > fences[cluster]:
            note = f"{each.answer_characters:,} characters; answers of its kind end at {fences[cluster]:,.0f}."
            book.flag("over_verbose", each.number, each.line, note)
    if book.has("over_verbose"):
        sampled = f"; of a sample of {len(numbers):,} long rows" if step > 1 else ""
        book.finding("over_verbose").extra |= {
            "measure": f"robust z of the logarithm of the answer's length within the cluster of its prompt{sampled}",
            "threshold": f"z above {Z}, {TIMES:.0f} times the cluster's median, {LEAST_CHARACTERS} characters",
            "cannot_see": "kinds whose answers vary freely; clusters of fewer than "
            f"{LEAST_IN_CLUSTER} rows are judged by all rows",
        }


def _fences(lengths: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each cluster's longest length that is still usual. A small cluster has that of all rows."""
    overall = _fence(lengths)
    parts = [lengths[of == cluster] for cluster in range(int(of.max()) + 1)]
    return np.array([_fence(part) if len(part) >= LEAST_IN_CLUSTER else overall for part in parts])


def _fence(lengths: NDArray[np.int64]) -> float:
    logs = np.log(np.maximum(1, lengths))
    median = float(np.median(logs))
    spread = max(LEAST_SPREAD, 1.4826 * float(np.median(np.abs(logs - median))))
    fence = max(float(np.exp(median + Z * spread)), TIMES * float(np.exp(median)), LEAST_CHARACTERS)
    # Where many answers are that long there are two kinds of answer, short refusals and full ones for example.
    return fence if (lengths > fence).sum() <= max(FEW, MOST_OUT * len(lengths)) else float("inf")
