"""What answers without a model would score, from the references alone: a floor that flatters no one. No torch.

A system that does not beat these has learnt the frame of the data and not the task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from engine.evaluation.cases import Case
from engine.evaluation.facts import asked
from engine.evaluation.figures import rate_or_mean
from engine.evaluation.metrics import METRICS, Outcome, RowScorer, row_scorer

FLOORS: dict[str, tuple[str, Callable[[Sequence[Case]], list[str]]]] = {
    "majority": ("Always the most frequent answer", lambda cases: [_most_frequent(cases)] * len(cases)),
    "empty_json": ("Always {}", lambda cases: ["{}"] * len(cases)),
    "copy_prompt": ("A copy of the prompt", lambda cases: [asked(case) for case in cases]),
}
"""The kinds of systems that flatter, as an evaluation names them, with their answers."""

_NEEDS_A_MODEL = frozenset({"embedding_similarity"})


def floors(
    cases: Sequence[Case],
    labels: tuple[str, ...],
    metrics: Sequence[str],
    seed: int,
    known: Collection[str] = (),
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """kind -> name and figures, of the kinds that are not among the systems already (`known`).

    Of metrics that score single rows by their text alone; a figure over many rows and one of time say nothing here.
    """
    told = [name for name in metrics if name not in _NEEDS_A_MODEL and METRICS[name].direction == "higher"]
    scored = {name: row_scorer(name, (options or {}).get(name)) for name in told if METRICS[name].kind != "aggregate"}
    return {
        kind: {"name": name, "metrics": _figures(cases, answer(cases), labels, scored, seed)}
        for kind, (name, answer) in FLOORS.items()
        if kind not in known
    }


def _figures(
    cases: Sequence[Case], texts: Sequence[str], labels: tuple[str, ...], scorers: Mapping[str, RowScorer], seed: int
) -> dict[str, Any]:
    outcomes = [
        Outcome(text, case.reference, labels, prompt=case.prompt, schema=case.schema, tools=case.tools)
        for case, text in zip(cases, texts, strict=True)
    ]
    figures = {}
    for name, scorer in scorers.items():
        scores = [score for outcome in outcomes if (score := scorer.score(outcome)) is not None]
        if scores:
            figures[name] = rate_or_mean(name, scores, seed)
    return figures


def _most_frequent(cases: Sequence[Case]) -> str:
    """The reference that occurs most; of equals the first."""
    counts = Counter(case.reference for case in cases)
    return counts.most_common(1)[0][0]
