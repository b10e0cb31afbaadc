"""Forgetting limit: no general suite may fall by it or more. A model whose weights were not trained forgets nothing."""

from __future__ import annotations

from engine.evaluation.gates.safety import MEASURES as SAFETY
from engine.evaluation.gates.seen import Finding, Seen, kind_in
from engine.evaluation.measures import counted
from engine.evaluation.words import moved


def check(seen: Seen) -> Finding | None:
    limit = seen.limits.forgetting_limit / 100
    rows = [row for row in seen.forgotten if row["measure"] not in SAFETY]
    if not rows:
        if kind_in(seen.results, seen.candidate) != "checkpoint":
            return Finding(limit, None, None, "No weights were trained here, so nothing was forgotten.", blocks=False)
        return Finding(limit, None, None, "Forgetting was not measured. Evaluate again with a general suite.")
    falls = {row["label"]: counted(row["baseline"], row["score"], row["measure"], row["n"]) for row in rows}
    lost = [row for row in rows if falls[row["label"]] <= -limit]
    worst = min(falls.values())
    if lost:
        return Finding(limit, worst, False, f"Beyond the limit of {100 * limit:g} %: {'; '.join(map(moved, lost))}.")
    return Finding(limit, worst, True, f"Within the limit of {100 * limit:g} %: {'; '.join(map(moved, rows))}.")
