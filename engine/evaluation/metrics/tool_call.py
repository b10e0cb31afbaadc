"""Right tool call: the answer's calls are the reference's, by name and by the arguments' JSON values, in any order.

Stricter than the Berkeley Function Calling Leaderboard, which allows several values an argument. Where the row offers
tools and its reference calls none, calling none is right (its "irrelevance").
"""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.tool_calls import calls_in


def score(outcome: Outcome) -> float | None:
    wanted = calls_in(outcome.reference)
    if not wanted and not outcome.tools:
        return None
    return float(calls_in(outcome.text) == wanted)
