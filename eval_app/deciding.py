"""Whether an answer is right, and which of two systems did better on a row: by the measure that decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.evaluation.metrics import METRICS

HALF = 0.5
"""Where the measure is a number, an answer counts as right from here on."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a page has to know of a metric: one of the table, or one of the project's own."""

    name: str
    label: str
    help: str = ""
    unit: str = "score"
    direction: str = "higher"
    kind: str = "mean"


def measure(name: str, results: dict[str, Any] | None = None) -> Measure:
    """By its name. A metric that is not in the table is told from the figures of ``results``."""
    if name in METRICS:
        found = METRICS[name]
        return Measure(name, found.label, found.help, found.unit, found.direction, found.kind)
    own = next((one for one in (results or {}).get("own_metrics") or [] if one.get("name") == name), None)
    if own is None:
        compared = (row for row in (results or {}).get("comparisons", []) if row["metric"] == name)
        own = next(compared, {"label": name.removeprefix("own_").replace("_", " ")})
    unit = own.get("unit") or "score"
    kind = own.get("kind") or ("rate" if unit == "share" else "mean")
    return Measure(name, own.get("label") or name, own.get("help") or "", unit, own.get("direction") or "higher", kind)


def deciding(results: dict[str, Any]) -> Measure:
    """The measure that rows are sorted into won and lost by: the primary one where it has a number for each row, else
    the first yes/no one (macro F1, say, exists only over many rows)."""
    baseline = results["systems"].get(results["baseline"], {})
    names = [results["primary_metric"], *baseline.get("metrics", {})]
    known = [measure(name, results) for name in names]
    usable = [one for one in known if one.kind == "rate" or (one is known[0] and one.kind != "aggregate")]
    return usable[0] if usable else known[0]


def score(by: Measure, scores: dict[str, Any]) -> float | None:
    """The answer's number, so that more is better; None where the measure says nothing about the row."""
    value = scores.get(by.name)
    if not isinstance(value, int | float):
        return None
    return -float(value) if by.direction == "lower" else float(value)


def is_right(by: Measure, found: float | None) -> bool | None:
    """A yes/no measure is met at 1, a number from one half on; where less is better no number is right by itself."""
    if found is None or by.direction == "lower":
        return None
    return found >= (1.0 if by.kind == "rate" else HALF)


def outcome(by: Measure, baseline: float | None, candidate: float | None) -> str:
    """``win`` or ``loss`` of the candidate; ``both`` or ``neither`` right where equal; "" where not measured."""
    if baseline is None or candidate is None:
        return ""
    if candidate != baseline:
        return "win" if candidate > baseline else "loss"
    return "both" if is_right(by, candidate) else "neither"
