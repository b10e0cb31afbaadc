"""Length of the answer in the model's tokens."""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome


def score(outcome: Outcome) -> float | None:
    return float(outcome.tokens_out)
