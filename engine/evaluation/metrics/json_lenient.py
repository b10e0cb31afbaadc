"""Lenient JSON: an object or array is somewhere in the answer. Shown apart; never part of strict validity."""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.reading import MISSING, lenient_json


def score(outcome: Outcome) -> float | None:
    return float(lenient_json(outcome.text) is not MISSING)
