"""Accuracy: the answer names the reference's label and no other."""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.labels import named_label
from engine.evaluation.metrics.reading import normalised


def score(outcome: Outcome) -> float | None:
    return float(named_label(outcome.text, outcome.labels) == normalised(outcome.reference))
