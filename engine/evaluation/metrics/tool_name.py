"""Right tool: as tool_call, by the names of the tools alone."""

from __future__ import annotations

from collections import Counter

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.tool_calls import calls_in


def score(outcome: Outcome) -> float | None:
    wanted = calls_in(outcome.reference)
    if not wanted and not outcome.tools:
        return None
    return float(
        Counter(name for name, _ in calls_in(outcome.text).elements()) == Counter(name for name, _ in wanted.elements())
    )
