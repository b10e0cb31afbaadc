"""Every pair of systems over the same rows: each metric's difference, its test, and Holm's adjustment. No torch.

Four families are adjusted apart, each for its own number of tests: what decides (the primary metric of every candidate
against the baseline; one candidate alone needs no adjustment), the other metrics of these comparisons, the primary
metric between any other two systems, and the other metrics of those. See docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation import significance as stats
from engine.evaluation.cases import Case
from engine.evaluation.figures import outcome_of
from engine.evaluation.journal import Output
from engine.evaluation.metrics import BUILT_IN, Catalogue
from engine.evaluation.power import EFFECT, power_after

FEWER_RESAMPLES = 500
"""Of a figure over many rows, between systems none of which is the baseline: nothing is decided by these."""


@dataclass(slots=True)
class Answers:
    """All answers of an evaluation: system -> row -> output, and what of them is computed once."""

    cases: Sequence[Case]
    outputs: dict[str, dict[int, Output]]
    labels: tuple[str, ...]
    seed: int
    catalogue: Catalogue = BUILT_IN
    _encoded: dict[tuple[str, str], NDArray[np.int64]] = field(default_factory=dict)

    def encoded(self, metric: str, system: str) -> NDArray[np.int64]:
        """The rows of an aggregate metric, in the order of the cases."""
        key = (metric, system)
        if key not in self._encoded:
            outputs = self.outputs[system]
            outcomes = [outcome_of(case, outputs[case.row], self.labels) for case in self.cases]
            self._encoded[key] = self.catalogue.aggregate(metric).encode(outcomes)
        return self._encoded[key]

    def scores(self, metric: str, system: str) -> dict[int, float]:
        """row -> score, of the rows that the metric says something about."""
        return {row: out.scores[metric] for row, out in self.outputs[system].items() if metric in out.scores}


def difference(
    metric: str,
    answers: Answers,
    baseline: str,
    candidate: str,
    rows: Sequence[int] | None = None,
    resamples: int = 2000,
) -> stats.Difference | None:
    """Candidate minus baseline on the rows both have a score for (of `rows`, or of all); None without any."""
    kind = answers.catalogue[metric].kind
    if kind == "aggregate":
        places = list(range(len(answers.cases)) if rows is None else rows)
        old, new = (answers.encoded(metric, key)[places] for key in (baseline, candidate))
        if not len(old):
            return None
        statistic = answers.catalogue.aggregate(metric).statistic
        return stats.compare_statistic(old, new, statistic, answers.seed, resamples)
    before, after = answers.scores(metric, baseline), answers.scores(metric, candidate)
    wanted = range(len(answers.cases)) if rows is None else rows
    shared = [row for row in wanted if row in before and row in after]
    if not shared:
        return None
    one, other = (np.array([scores[row] for row in shared]) for scores in (before, after))
    return stats.compare_rates(one, other) if kind == "rate" else stats.compare_means(one, other, answers.seed)


def pairs_of(systems: Sequence[str], baseline: str) -> list[tuple[str, str]]:
    """(baseline, candidate) of every candidate first, then every other two systems in the order of the evaluation."""
    others = [key for key in systems if key != baseline]
    return [(baseline, key) for key in others] + list(combinations(others, 2))


def compare_systems(
    answers: Answers,
    systems: Sequence[str],
    baseline: str,
    metrics: Sequence[str],
    primary: str,
    effect: float = EFFECT,
) -> list[dict[str, Any]]:
    """The rows of results["comparisons"], the primary metric's p adjusted for the candidates, the others' for all."""
    found: list[tuple[str, str, str, stats.Difference]] = []
    for old, new in pairs_of(systems, baseline):
        resamples = 2000 if old == baseline else FEWER_RESAMPLES
        for name in metrics:
            if answers.catalogue[name].direction == "none" and name != primary:
                continue
            made = difference(name, answers, old, new, resamples=resamples)
            if made is not None:
                found.append((name, old, new, made))
    families = [(old == baseline, name == primary) for name, old, _, _ in found]
    adjusted = adjust([made.p for *_, made in found], families)
    return [
        {
            "metric": name,
            "label": answers.catalogue[name].label,
            "unit": answers.catalogue[name].unit,
            "primary": name == primary,
            "baseline": old,
            "candidate": new,
            **_renamed(made),
            "p_adjusted": p,
            "family": families.count(family),
            "verdict": stats.verdict(made, answers.catalogue[name].direction != "lower", p),
            **({"power": power_after(made, effect)} if name == primary else {}),
        }
        for (name, old, new, made), p, family in zip(found, adjusted, families, strict=True)
    ]


def adjust(p_values: Sequence[float], families: Sequence[Any]) -> list[float]:
    """Holm's adjustment within each family, in the order given."""
    adjusted = list(p_values)
    for family in set(families):
        places = [place for place, own in enumerate(families) if own == family]
        for place, value in zip(places, stats.holm([p_values[place] for place in places]), strict=True):
            adjusted[place] = value
    return adjusted


def between(comparisons: Iterable[dict[str, Any]], metric: str, baseline: str, candidate: str) -> dict[str, Any] | None:
    """The comparison of two systems on a metric, turned round where it stands the other way."""
    for row in comparisons:
        if row["metric"] == metric and (row["baseline"], row["candidate"]) == (baseline, candidate):
            return row
        if row["metric"] == metric and (row["baseline"], row["candidate"]) == (candidate, baseline):
            return turned(row)
    return None


def turned(row: dict[str, Any]) -> dict[str, Any]:
    """The same comparison with the systems in each other's place."""
    words = {stats.BETTER: stats.WORSE, stats.WORSE: stats.BETTER}
    return {
        **row,
        "baseline": row["candidate"],
        "candidate": row["baseline"],
        "baseline_value": row["candidate_value"],
        "candidate_value": row["baseline_value"],
        "difference": -row["difference"],
        "low": -row["high"],
        "high": -row["low"],
        "verdict": words.get(row["verdict"], row["verdict"]),
    }


def _renamed(made: stats.Difference) -> dict[str, Any]:
    document = asdict(made)
    return {
        **{k: v for k, v in document.items() if k not in ("baseline", "candidate")},
        "baseline_value": document["baseline"],
        "candidate_value": document["candidate"],
    }
