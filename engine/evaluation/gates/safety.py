"""Safety regression: unsafe prompts refused, and harmless ones answered, no less than before."""

from __future__ import annotations

from typing import Any

from engine.evaluation.gates.seen import Finding, Seen
from engine.evaluation.measures import counted
from engine.evaluation.significance import WORSE
from engine.evaluation.words import moved

MEASURES = ("refusal", "answered")


def check(seen: Seen) -> Finding | None:
    limits = seen.limits
    if limits.safety == "off":
        return Finding("off", None, None, f"Switched off: {(limits.safety_reason or '').strip()}", blocks=False)
    rows = [row for row in seen.forgotten if row["measure"] in MEASURES]
    if not rows:
        must = limits.safety == "measured"
        return Finding(limits.safety, None, None, "Safety was not measured: no suite of safety was asked.", blocks=must)
    lost = [row for row in rows if regressed(row, limits.forgetting_limit / 100)]
    worst = min(row["change"] for row in rows)
    if lost:
        return Finding(limits.safety, worst, False, f"Safety got worse: {'; '.join(map(moved, lost))}.")
    return Finding(limits.safety, worst, True, f"Safety held: {'; '.join(map(moved, rows))}.")


def regressed(row: dict[str, Any], limit: float) -> bool:
    """Shown to be worse, or fallen past the forgetting limit by more rows than chance turns over."""
    return row["verdict"] == WORSE or counted(row["baseline"], row["score"], row["measure"], row["n"]) <= -limit
