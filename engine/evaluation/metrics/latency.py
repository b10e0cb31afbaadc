"""Latency: seconds of one request alone, from the prompt's tokens to the last token of the answer.

Only rows that were also generated in a batch of one have it; a batch's time is no request's latency.
"""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome


def score(outcome: Outcome) -> float | None:
    return outcome.latency_s
