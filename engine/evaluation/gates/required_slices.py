"""Required slices: none of those named got worse than the baseline. A slice that is small or absent is not known."""

from __future__ import annotations

from engine.evaluation.gates.seen import Finding, Seen
from engine.evaluation.significance import WORSE


def check(seen: Seen) -> Finding | None:
    named = seen.limits.slices_named()
    if not named:
        return None
    known = {f"{row['by']}:{row['value']}": row for row in seen.results.get("slices") or []}
    worse, unknown = [], []
    for name in named:
        row = known.get(name)
        compared = (row or {}).get("comparisons", {}).get(seen.candidate)
        if row is None or compared is None or row["small"]:
            unknown.append(f"{name} ({'absent' if row is None else str(row['n']) + ' rows'})")
        elif compared["verdict"] == WORSE:
            worse.append(f"{name} ({100 * compared['difference']:+.1f} points, n = {compared['n']})")
    limit = "; ".join(named)
    if worse:
        return Finding(limit, len(worse), False, f"Got worse: {'; '.join(worse)}.")
    if unknown:
        return Finding(limit, None, None, f"Too few rows to judge: {'; '.join(unknown)}.")
    return Finding(limit, 0, True, f"None got worse: {limit}.")
