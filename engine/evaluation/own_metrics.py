"""A project's own metrics: one expression each, whose value a row is. No torch, the web may import it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from engine.errors import EngineError
from engine.evaluation.bounded import WorkProblem, shared
from engine.evaluation.metrics.kinds import Direction, Metric, Outcome

PREFIX = "own_"
NAME = re.compile(r"own_[a-z0-9_]{1,36}")
DIRECTIONS: dict[str, str] = {"higher": "Higher is better", "lower": "Lower is better", "none": "Neither"}
UNITS: dict[str, str] = {"share": "Share: 0 to 1", "score": "Score: any number"}
MOST_EXPRESSION = 2000
"""Characters of an expression."""

GIVE_UP = 3
"""An expression that ran out of time or memory so often is not asked again in this run."""


@dataclass(frozen=True, slots=True)
class OwnMetric:
    name: str
    label: str
    expression: str
    direction: Direction
    unit: Literal["share", "score"]

    def value(self, prompt: str, reference: str, output: str) -> float:
        """On one row. Raises WorkProblem with the place where the expression fails."""
        found = float(shared().ask("expression", self.expression, prompt, reference, output))
        if self.unit == "share" and not 0 <= found <= 1:
            raise WorkProblem(f"The expression gives {found:g}; a share is between 0 and 1.")
        return found


def check_expression(expression: str) -> None:
    """Raises WorkProblem, with the place, for an expression that cannot be read."""
    shared().ask("expression_problem", expression)


def read_own(entries: Sequence[Mapping[str, Any]] | None) -> tuple[OwnMetric, ...]:
    """`own_metrics` of a spec. Raises EngineError("Config") naming the metric and what is wrong with it."""
    read = []
    for entry in entries or ():
        name, direction, unit = str(entry.get("name")), entry.get("direction"), entry.get("unit")
        wrong = [
            (NAME.fullmatch(name), f"the name is {name[:60]!r}", f"Use {PREFIX} and small letters, digits, _."),
            (direction in DIRECTIONS, f"direction is {direction!r}", f"Use one of: {', '.join(DIRECTIONS)}."),
            (unit in UNITS, f"unit is {unit!r}", f"Use one of: {', '.join(UNITS)}."),
        ]
        for good, found, remedy in wrong:
            if not good:
                raise EngineError("Config", f"own_metrics: {found}.", remedy)
        read.append(
            OwnMetric(
                name,
                str(entry.get("label") or name),
                str(entry.get("expression") or ""),
                cast(Direction, direction),
                cast(Literal["share", "score"], unit),
            )
        )
    if len({metric.name for metric in read}) != len(read):
        raise EngineError("Config", "own_metrics: two have the same name.", "Give each its own.")
    return tuple(read)


class OwnScorer:
    """One own metric over a run's rows; what fails is told, row by row."""

    def __init__(self, metric: OwnMetric) -> None:
        self.metric = metric
        self._bounds = 0
        self._last = ""

    def score(self, outcome: Outcome) -> float:
        """Raises WorkProblem."""
        if self._bounds >= GIVE_UP:
            raise WorkProblem(f"Not asked any more: {self._last}", bound=True)
        try:
            return self.metric.value(outcome.prompt, outcome.reference, outcome.text)
        except WorkProblem as problem:
            if problem.bound:
                self._bounds, self._last = self._bounds + 1, problem.text
            raise


def own_table(metrics: Iterable[OwnMetric], scores: Iterable[Mapping[str, float]]) -> dict[str, Metric]:
    """Rows of the table of metrics. A share that was 0 or 1 on every row is a rate; else it is a mean."""
    metrics = list(metrics)
    between = {
        metric.name
        for found in scores
        for metric in metrics
        if metric.name in found and found[metric.name] not in (0.0, 1.0)
    }
    return {
        metric.name: Metric(
            "",
            metric.label,
            f"The project's own: {metric.expression}",
            metric.unit,
            metric.direction,
            "rate" if metric.unit == "share" and metric.name not in between else "mean",
            group="Own",
        )
        for metric in metrics
    }


def own_of(results: Mapping[str, Any]) -> dict[str, Metric]:
    """The own metrics that a results.json describes; {} for one without."""
    return {
        row["name"]: Metric("", row["label"], row["help"], row["unit"], row["direction"], row["kind"], group="Own")
        for row in results.get("own_metrics") or []
    }


def described(table: Mapping[str, Metric]) -> list[dict[str, str]]:
    """As results.json keeps them: an expression may change later, a result does not."""
    fields = ("label", "help", "unit", "direction", "kind")
    return [{"name": name} | {field: getattr(metric, field) for field in fields} for name, metric in table.items()]


def most_common(problems: Iterable[str]) -> list[dict[str, Any]]:
    """The three most frequent texts with how often they stood."""
    return [{"text": text, "n": n} for text, n in Counter(problems).most_common(3)]
