"""Cost of 1,000 requests like this one, in the currency of the system's price. Rows without a price say nothing."""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome


def score(outcome: Outcome) -> float | None:
    return None if outcome.cost is None else 1000 * outcome.cost
