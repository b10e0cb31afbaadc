"""Ends in a loop: by the audit's rule for loops in training data (engine/data/checks/repetition_loop.py)."""

from __future__ import annotations

from engine.data.checks.repetition_loop import loop, unspaced_loop
from engine.evaluation.metrics.kinds import Outcome


def score(outcome: Outcome) -> float | None:
    return float(bool(loop(outcome.text) or unspaced_loop(outcome.text)))
