"""Exact match: JSON references by parsed value, all others by normalised text."""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.reading import MISSING, normalised, same_value, strict_json


def score(outcome: Outcome) -> float | None:
    wanted = strict_json(outcome.reference)
    if wanted is not MISSING:
        found = strict_json(outcome.text)
        return float(found is not MISSING and same_value(found, wanted))
    return float(normalised(outcome.text) == normalised(outcome.reference))
