"""Strict JSON: the whole answer is one object or array."""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.reading import MISSING, strict_json


def score(outcome: Outcome) -> float | None:
    return float(strict_json(outcome.text) is not MISSING)
