"""Cost ceiling: money per 1,000 requests."""

from __future__ import annotations

from engine.evaluation.gates.seen import Finding, Seen


def check(seen: Seen) -> Finding | None:
    ceiling = seen.limits.cost_ceiling
    if ceiling is None:
        return None
    cost = seen.system.get("cost") or {}
    found = cost.get("per_1000")
    if found is None:
        return Finding(ceiling, None, None, "The cost is not known: the system has no price.")
    words = f"{found:.2f} {cost.get('currency') or ''} per 1,000 requests; the ceiling is {ceiling:g}."
    return Finding(ceiling, found, found <= ceiling, " ".join(words.split()))
