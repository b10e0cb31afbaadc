"""Fewest rows: a verdict to ship rests on at least so many."""

from __future__ import annotations

from engine.evaluation.gates.seen import Finding, Seen


def check(seen: Seen) -> Finding | None:
    least, n = seen.limits.minimum_rows, int(seen.results["n"])
    if n >= least:
        return Finding(least, n, True, f"{n} rows; at least {least} are asked for.")
    return Finding(least, n, None, f"{n} rows; at least {least} are asked for.")
