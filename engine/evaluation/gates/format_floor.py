"""Format floor: the measured share of answers in the format that was asked for.

The estimate is looked at: few rows leave an interval that no good system would pass.
"""

from __future__ import annotations

from engine.evaluation.gates.seen import Finding, Seen
from engine.evaluation.metrics import METRICS

FORMATS = ("json_valid", "json_schema")
"""Metrics that say whether an answer is in the format asked for; each that was measured is looked at."""


def check(seen: Seen) -> Finding | None:
    floor = seen.limits.format_floor
    figures = {name: seen.system["metrics"].get(name) for name in FORMATS if name in METRICS}
    measured = {name: cell for name, cell in figures.items() if cell and cell["value"] is not None}
    if floor is None or not measured:
        return None
    name, worst = min(measured.items(), key=lambda item: float(item[1]["value"]))
    value = float(worst["value"])
    words = f"{METRICS[name].label}: {100 * value:.1f} % of {worst['n']} answers"
    return Finding(floor / 100, value, value >= floor / 100, f"{words}; the floor is {floor:g} %.")
