"""Latency ceiling: the time that 95 of 100 requests, each alone, stay under."""

from __future__ import annotations

from engine.evaluation.gates.seen import Finding, Seen


def check(seen: Seen) -> Finding | None:
    ceiling = seen.limits.latency_ceiling
    if ceiling is None:
        return None
    latency = seen.system.get("latency") or {}
    p95 = latency.get("p95")
    if p95 is None:
        return Finding(ceiling, None, None, "Latency was not measured as p95. Evaluate again.")
    words = f"p95 is {p95:.2f} s over {latency['n']} requests; the ceiling is {ceiling:g} s."
    return Finding(ceiling, p95, p95 <= ceiling, words)
