"""Contains: the reference stands in the answer as whole words, both normalised."""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.reading import holds, normalised


def score(outcome: Outcome) -> float | None:
    return float(holds(normalised(outcome.text), normalised(outcome.reference)))
