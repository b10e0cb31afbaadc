"""Minimum gain: the interval of the gain over the base with its best prompt lies at or above it, and is shown.

The interval decides and not the estimate: its lower bound at or above the limit passes, its upper bound below the limit
fails, and anything between is not enough evidence.
"""

from __future__ import annotations

from typing import Any

from engine.evaluation.gates.seen import Finding, Seen, lower_is_better
from engine.evaluation.significance import ALPHA
from engine.evaluation.words import as_gap, as_p, bare


def check(seen: Seen) -> Finding | None:
    return judged(seen, seen.against, seen.limits.minimum_gain / 100, seen.p)


def judged(seen: Seen, other: str, wanted: float, p: float | None = None) -> Finding:
    """The gain over any other system against what is wanted of it. `p` is an adjusted one; without it, as tested."""
    row = seen.gain_over(other)
    name = seen.results["systems"][other]["name"]
    if row is None:
        return Finding(
            wanted, None, None, f"No row is scored for both {seen.name} and {name}: nothing can be compared."
        )
    low, high, gain = _gains(row, lower_is_better(seen.results, row["metric"]))
    p = row["p"] if p is None else p
    asked = _asked(wanted, row["unit"])
    words = (
        f"{row['label']} against {name}: {as_gap(row['difference'], row['unit'])}, 95 % interval "
        f"{bare(row['low'], row['unit'])} to {bare(row['high'], row['unit'])}, n = {row['n']}, "
        f"{as_p(row['p'], p)}"
    )
    if p < ALPHA and low > 0 and low >= wanted:
        return Finding(wanted, gain, True, f"{words}: at least {asked}.")
    if (p < ALPHA and high < 0) or high < wanted:
        return Finding(wanted, gain, False, f"{words}: less than {asked}.")
    shown = "" if p < ALPHA and low > 0 else "No difference shown. "
    return Finding(wanted, gain, None, f"{shown}{words}: it may be more or less than {asked}.{rows_needed(row)}")


def rows_needed(row: dict[str, Any]) -> str:
    """How many rows would show the difference that is cared about, where that is known."""
    power = row.get("power") or {}
    if row["unit"] not in ("share", "score") or not power.get("rows_needed"):
        return ""
    effect = as_gap(power["effect"], row["unit"]).lstrip("+")
    return f" To see {effect} takes about {power['rows_needed']:,} rows."


def _gains(row: dict[str, Any], lower: bool) -> tuple[float, float, float]:
    """Low, high and estimate, signed so that more is better."""
    if lower:
        return -row["high"], -row["low"], -row["difference"]
    return row["low"], row["high"], row["difference"]


def _asked(wanted: float, unit: str) -> str:
    return f"the {as_gap(wanted, unit).lstrip('+')} asked for" if wanted else "nothing"
