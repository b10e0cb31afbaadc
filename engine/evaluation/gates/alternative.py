"""The cheapest alternative that meets the bar: a dearer system has to be better than it by the minimum gain."""

from __future__ import annotations

from dataclasses import replace

from engine.evaluation.gates.choosing import told
from engine.evaluation.gates.gain import judged
from engine.evaluation.gates.seen import Finding, Seen


def check(seen: Seen) -> Finding | None:
    if seen.alternative is None:
        return Finding(None, None, True, f"No cheaper system meets the bar ({told(seen.results)}).")
    name = seen.results["systems"][seen.alternative]["name"]
    found = judged(seen, seen.alternative, seen.limits.minimum_gain / 100)
    return replace(found, sentence=f"{name} meets the bar and is cheaper ({told(seen.results)}). {found.sentence}")
