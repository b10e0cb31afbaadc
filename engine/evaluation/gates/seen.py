"""What a gate looks at, and what it finds. All of it comes from one results document, so a verdict can be had again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.evaluation.comparing import between
from engine.evaluation.limits import GateLimits
from engine.evaluation.metrics import METRICS

BASE_WEIGHTS = ("base", "prompt", "few_shot")
"""Kinds that ask the base model as it is: among them is the base with its best prompt."""

FLATTERING = ("majority", "empty_json", "copy_prompt")

OUTLAY = ("base", "prompt", "few_shot", "retrieval", "checkpoint", "model", "endpoint")
"""Kinds from the cheapest to run and keep to the dearest, where not every system has a price."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`passed` is None where it cannot be told; `blocks` says whether not knowing is reason enough not to ship."""

    limit: float | str | None
    found: float | str | None
    passed: bool | None
    sentence: str
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """One candidate before the gates. `against` is the base with its best prompt and `p` that of the gain over it,
    adjusted for the candidates; `alternative` is the cheapest other system that passed, where it is cheaper."""

    results: dict[str, Any]
    candidate: str
    against: str
    limits: GateLimits
    p: float | None = None
    alternative: str | None = None

    @property
    def system(self) -> dict[str, Any]:
        found: dict[str, Any] = self.results["systems"][self.candidate]
        return found

    @property
    def name(self) -> str:
        return str(self.system["name"])

    @property
    def forgotten(self) -> list[dict[str, Any]]:
        """The measures of general suites, candidate against the baseline."""
        verdict = self.results.get("verdicts", {}).get(self.candidate) or {}
        found: list[dict[str, Any]] = (verdict.get("forgetting") or {}).get("measures") or []
        return found

    def gain_over(self, other: str) -> dict[str, Any] | None:
        """The comparison of the primary metric with another system."""
        return between(self.results["comparisons"], self.results["primary_metric"], other, self.candidate)


def kind_in(results: dict[str, Any], key: str) -> str:
    """The kind of a system; evaluations from before there were kinds had a baseline and a checkpoint."""
    kind = results["systems"][key].get("kind")
    return str(kind) if kind else "base" if key == results["baseline"] else "checkpoint"


def is_real(results: dict[str, Any], key: str) -> bool:
    """Whether a system could be shipped: the baselines that flatter could not."""
    return not results["systems"][key].get("flatters") and kind_in(results, key) not in FLATTERING


def value_of(results: dict[str, Any], key: str) -> float:
    """The primary metric, signed so that more is better; a system without a value is last."""
    name = results["primary_metric"]
    value = (results["systems"][key]["metrics"].get(name) or {}).get("value")
    return float("-inf") if value is None else float(value) * (-1.0 if lower_is_better(results, name) else 1.0)


def lower_is_better(results: dict[str, Any], name: str) -> bool:
    """The direction of a metric, one of the project's own included."""
    if name in METRICS:
        return METRICS[name].direction == "lower"
    return any(own["name"] == name and own["direction"] == "lower" for own in results.get("own_metrics") or [])
