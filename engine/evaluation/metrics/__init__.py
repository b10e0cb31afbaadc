"""The metrics: one file each, named in one table. Nothing here imports torch, so forms and pages may read the
table.

A metric's file has `score(outcome) -> float | None` (None: it says nothing about this row). An aggregate
metric has `encode(outcomes) -> int array (n, …)` and `statistic(rows) -> float` instead, and may have
`detail(outcomes) -> dict`, a table that stands beside its figure. One that can be set has a dataclass `Options`
and takes it as its last argument. Scores depend on the text alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import import_module
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError
from engine.evaluation.metrics.kinds import ALL, AggregateScorer, Metric, Outcome, RowScorer, Task
from engine.evaluation.metrics.table import METRICS

__all__ = [
    "ALL", "BUILT_IN", "METRICS", "AggregateScorer", "Catalogue", "Metric", "Outcome", "RowScorer", "Task",
    "aggregate_scorer", "check_names", "check_options", "detail_of", "metrics_for", "options_of", "row_scorer",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The metrics of one evaluation: the table, the project's own beside it, and the options that were chosen."""

    own: Mapping[str, Metric] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Metric:
        return self.own[name] if name in self.own else METRICS[name]

    def aggregate(self, name: str) -> AggregateScorer:
        return aggregate_scorer(name, self.options.get(name))


BUILT_IN = Catalogue()


class _Set:
    """A metric's module with its options filled in."""

    def __init__(self, module: Any, options: Any) -> None:
        self._module, self._options = module, options
        self.statistic = getattr(module, "statistic", None)

    def score(self, outcome: Outcome) -> float | None:
        return cast(float | None, self._module.score(outcome, self._options))

    def encode(self, outcomes: Sequence[Outcome]) -> NDArray[np.int64]:
        return cast(NDArray[np.int64], self._module.encode(outcomes, self._options))


def row_scorer(name: str, options: Mapping[str, Any] | None = None) -> RowScorer:
    """The scorer of single rows, with its options. Raises EngineError("Config") for options it does not have."""
    return cast(RowScorer, _scorer(name, options))


def aggregate_scorer(name: str, options: Mapping[str, Any] | None = None) -> AggregateScorer:
    """The scorer that exists only over many rows. Raises EngineError("Config") as row_scorer does."""
    return cast(AggregateScorer, _scorer(name, options))


def detail_of(name: str, outcomes: Sequence[Outcome]) -> dict[str, Any] | None:
    """The table beside a metric's figure, such as a confusion matrix; None for one that has none."""
    detail = getattr(_module(name), "detail", None) if name in METRICS else None
    return cast(dict[str, Any], detail(outcomes)) if detail else None


def options_of(name: str) -> type[Any] | None:
    """The options dataclass of a metric; None for one that cannot be set."""
    return cast("type[Any] | None", getattr(_module(name), "Options", None))


def check_options(given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """`metric_options` of a spec back. Raises EngineError("Config") naming metric and field."""
    for name, values in given.items():
        check_names([name])
        _options(name, values)
    return {name: dict(values) for name, values in given.items()}


def metrics_for(task: str, references_are_json: bool = False, facts: Collection[str] = ()) -> list[str]:
    """Names of the metrics of a task type, its primary first. `facts` ("schema", "tools") of the rows and JSON
    references add those that say something of them.
    """
    if task not in ALL:
        raise EngineError("Config", f"Unknown task type {task!r}.", f"Use one of: {', '.join(ALL)}.")
    known = {*facts, "json"} if references_are_json else set(facts)
    chosen = [name for name, metric in METRICS.items() if task in metric.tasks or known.intersection(metric.given)]
    return sorted(chosen, key=lambda name: task not in METRICS[name].primary)


def check_names(names: Sequence[str]) -> list[str]:
    """The names back, or an EngineError that lists the ones that exist."""
    for name in names:
        if name not in METRICS:
            raise EngineError("Config", f"Unknown metric {name!r}.", f"Use any of: {', '.join(METRICS)}.")
    return list(names)


def _scorer(name: str, options: Mapping[str, Any] | None) -> Any:
    module = _module(name)
    return _Set(module, _options(name, options)) if options else module


def _options(name: str, values: Mapping[str, Any]) -> Any:
    options = options_of(name)
    known = {item.name for item in fields(options)} if options else set()
    for given in values:
        if given not in known:
            has = f"It has: {', '.join(sorted(known))}." if known else "It has none."
            raise EngineError("Config", f"metric_options.{name}: there is no option {given!r}.", has)
    return options(**values) if options else None


def _module(name: str) -> ModuleType:
    return import_module(f"{__name__}.{METRICS[check_names([name])[0]].module}")
