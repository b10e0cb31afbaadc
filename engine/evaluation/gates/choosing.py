"""Which systems a candidate is held against: the base with its best prompt, and the cheapest that meets the bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.evaluation.gates.seen import BASE_WEIGHTS, OUTLAY, is_real, kind_in, value_of


def best_base(results: dict[str, Any], candidate: str) -> str:
    """The system on the base model's own weights with the highest primary figure; the baseline for one of these.

    It is picked after looking at the same rows, which flatters it and not the candidate: the bar can only be too high,
    so a gain over it needs no adjustment. Of equals the baseline, then the first of the evaluation.
    """
    baseline: str = results["baseline"]
    if kind_in(results, candidate) in BASE_WEIGHTS:
        return baseline
    keys = [key for key in results["systems"] if kind_in(results, key) in BASE_WEIGHTS and is_real(results, key)]
    return max(dict.fromkeys([baseline, *keys]), key=lambda key: value_of(results, key))


def cheapest(results: dict[str, Any], candidate: str, meeting: Sequence[str]) -> str | None:
    """The cheapest system of `meeting` that is cheaper than the candidate; None when the candidate itself is."""
    rank = _ranks(results)
    cheaper = [key for key in meeting if key != candidate and rank[key] < rank[candidate]]
    return min(cheaper, key=rank.__getitem__, default=None)


def told(results: dict[str, Any]) -> str:
    """How it was decided what is cheap, in words."""
    return "by cost per 1,000 requests" if _priced(results) else "by kind of system, for not every system has a price"


def _ranks(results: dict[str, Any]) -> dict[str, tuple[float, ...]]:
    if _priced(results):
        return {key: (float(system["cost"]["per_1000"]),) for key, system in _real(results).items()}
    return {key: (float(_outlay(kind_in(results, key))), _p50(system)) for key, system in _real(results).items()}


def _priced(results: dict[str, Any]) -> bool:
    costs = [system.get("cost") or {} for system in _real(results).values()]
    return all(cost.get("per_1000") is not None for cost in costs) and len({c.get("currency") for c in costs}) == 1


def _real(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {key: system for key, system in results["systems"].items() if is_real(results, key)}


def _outlay(kind: str) -> int:
    return OUTLAY.index(kind) if kind in OUTLAY else len(OUTLAY)


def _p50(system: dict[str, Any]) -> float:
    found = (system.get("latency") or {}).get("p50")
    return float("inf") if found is None else float(found)
