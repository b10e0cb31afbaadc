"""Scores an answer as soon as it is there: every metric of the run that looks at single rows. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.evaluation.bounded import WorkProblem
from engine.evaluation.cases import Case
from engine.evaluation.figures import outcome_of
from engine.evaluation.journal import Output
from engine.evaluation.metrics import METRICS, row_scorer
from engine.evaluation.own_metrics import OwnScorer
from engine.evaluation.refusals import refuses

if TYPE_CHECKING:
    from engine.evaluation.spec import EvaluationSpec


class Scoring:
    """The scorers of one run, with the options of its spec."""

    def __init__(self, spec: EvaluationSpec, metrics: Sequence[str], labels: tuple[str, ...]) -> None:
        self._labels = labels
        self._rows = {
            name: row_scorer(name, _options(spec, name)) for name in metrics if METRICS[name].kind != "aggregate"
        }
        self._own = {metric.name: OwnScorer(metric) for metric in spec.own_metrics}

    def scored(self, case: Case, output: Output) -> Output:
        """The output with its scores, whether it refuses, and the own metrics that failed on it."""
        outcome = outcome_of(case, output, self._labels)
        scores = {name: value for name, scorer in self._rows.items() if (value := scorer.score(outcome)) is not None}
        unscored = {}
        for name, scorer in self._own.items():
            try:
                scores[name] = scorer.score(outcome)
            except WorkProblem as problem:
                unscored[name] = problem.where + problem.text
        return replace(output, scores=scores, unscored=unscored, refused=refuses(output.text))


def _options(spec: EvaluationSpec, name: str) -> Mapping[str, Any] | None:
    """As the spec has them; where it names no embedding model, the one that is there."""
    given = spec.metric_options.get(name)
    if name == "embedding_similarity" and not given and spec.embedder is not None:
        return {"model": str(spec.embedder)}
    return given
