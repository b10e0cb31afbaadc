"""The metrics: one file each, named in one table. Nothing here imports torch, so forms and pages may read the
table.

A metric's file has `score(outcome) -> float | None` (None: it says nothing about this row). An aggregate
metric has `encode(outcomes) -> int array (n, …)` and `statistic(rows) -> float` instead. Scores depend on the
text alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError

Task = Literal["classification", "extraction", "text", "chat"]
ALL: tuple[Task, ...] = ("classification", "extraction", "text", "chat")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one system did with one row."""

    text: str
    reference: str
    labels: tuple[str, ...] = ()
    """The distinct references of the evaluation, when they are labels; most frequent first."""
    latency_s: float | None = None
    """Seconds of this row alone in a batch of one; None where that was not measured."""
    tokens_out: int = 0
    tokens_in: int = 0


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table. `module` is loaded on first use."""

    module: str
    label: str
    help: str
    unit: Literal["share", "score", "tokens", "seconds"]
    direction: Literal["higher", "lower", "none"]
    kind: Literal["rate", "mean", "aggregate"]
    """rate: yes/no a row; mean: a number a row; aggregate: only over many rows."""
    tasks: tuple[Task, ...] = field(default=ALL)
    """Task types it is computed for when an evaluation names no metrics."""
    primary: tuple[Task, ...] = ()
    """Task types whose verdict rests on it."""


METRICS: dict[str, Metric] = {
    "accuracy": Metric(
        "accuracy",
        "Accuracy",
        "Share of rows whose answer names the right label and no other.",
        "share",
        "higher",
        "rate",
        ("classification",),
        ("classification",),
    ),
    "macro_f1": Metric(
        "macro_f1",
        "Macro F1",
        "F1 of each label, averaged with equal weight: a rare label counts as much.",
        "score",
        "higher",
        "aggregate",
        ("classification",),
    ),
    "exact_match": Metric(
        "exact_match",
        "Exact match",
        "Equal to the reference; JSON by value, text without case, blanks and closing signs.",
        "share",
        "higher",
        "rate",
        ALL,
        ("extraction",),
    ),
    "json_valid": Metric(
        "json_valid",
        "Valid JSON",
        "Share of answers that are one JSON object or array and nothing else.",
        "share",
        "higher",
        "rate",
        ("extraction",),
    ),
    "json_lenient": Metric(
        "json_lenient",
        "Valid JSON, lenient",
        "As valid JSON, but a code fence or words around it are forgiven.",
        "share",
        "higher",
        "rate",
        ("extraction",),
    ),
    "json_fields": Metric(
        "json_fields",
        "Field accuracy",
        "Share of the reference's fields with the right value; extra fields count against. Read leniently.",
        "share",
        "higher",
        "mean",
        ("extraction",),
    ),
    "token_f1": Metric(
        "token_f1",
        "Word overlap F1",
        "Overlap of the answer's words with the reference's.",
        "score",
        "higher",
        "mean",
        ("text", "chat"),
        ("text", "chat"),
    ),
    "contains": Metric(
        "contains",
        "Contains reference",
        "Share of answers that hold the reference as whole words.",
        "share",
        "higher",
        "rate",
        ("text", "chat"),
    ),
    "length": Metric("length", "Answer length", "Tokens of the answer.", "tokens", "none", "mean"),
    "latency": Metric(
        "latency",
        "Latency",
        "Seconds for one request alone, measured on a sample of rows.",
        "seconds",
        "lower",
        "mean",
    ),
}


class RowScorer(Protocol):
    def score(self, outcome: Outcome) -> float | None: ...


class AggregateScorer(Protocol):
    def encode(self, outcomes: Sequence[Outcome]) -> NDArray[np.int64]: ...

    @property
    def statistic(self) -> Callable[[NDArray[np.int64]], float]: ...


def row_scorer(name: str) -> RowScorer:
    """The module of a metric that scores single rows."""
    return cast(RowScorer, _module(name))


def aggregate_scorer(name: str) -> AggregateScorer:
    """The module of a metric that exists only over many rows."""
    return cast(AggregateScorer, _module(name))


def metrics_for(task: str, references_are_json: bool = False) -> list[str]:
    """Names of the metrics of a task type, its primary first; JSON metrics also where the references are
    JSON.
    """
    chosen = [
        name
        for name, metric in METRICS.items()
        if task in metric.tasks or (references_are_json and name.startswith("json_"))
    ]
    if not chosen:
        raise EngineError("Config", f"Unknown task type {task!r}.", f"Use one of: {', '.join(ALL)}.")
    return sorted(chosen, key=lambda name: task not in METRICS[name].primary)


def check_names(names: Sequence[str]) -> list[str]:
    """The names back, or an EngineError that lists the ones that exist."""
    for name in names:
        if name not in METRICS:
            raise EngineError("Config", f"Unknown metric {name!r}.", f"Use any of: {', '.join(METRICS)}.")
    return list(names)


def _module(name: str) -> Any:
    return import_module(f"{__name__}.{METRICS[check_names([name])[0]].module}")
