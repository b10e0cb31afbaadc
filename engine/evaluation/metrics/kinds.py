"""What a metric is and what it looks at: the row of the table, and the outcome that is scored. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Task = Literal["classification", "extraction", "text", "chat"]
ALL: tuple[Task, ...] = ("classification", "extraction", "text", "chat")
Unit = Literal["share", "score", "tokens", "seconds", "money"]
Direction = Literal["higher", "lower", "none"]
Group = Literal["Agreement", "Labels", "Words", "Format", "Tool calls", "Behaviour", "Speed and cost", "Own"]
Fact = Literal["json", "schema", "tools"]


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
    prompt: str = ""
    """What the user said last."""
    schema: Any = None
    """The row's JSON Schema, parsed; None where it has none."""
    tools: Any = None
    """The tools that the row offers; None where it offers none."""
    cost: float | None = None
    """What this answer cost, in the currency of the system's price; None where no price is known."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table. `module` is loaded on first use."""

    module: str
    label: str
    help: str
    unit: Unit
    direction: Direction
    kind: Literal["rate", "mean", "aggregate"]
    """rate: yes/no a row; mean: a number a row; aggregate: only over many rows."""
    tasks: tuple[Task, ...] = field(default=ALL)
    """Task types it is computed for when an evaluation names no metrics."""
    primary: tuple[Task, ...] = ()
    """Task types whose verdict rests on it."""
    group: Group = "Agreement"
    given: tuple[Fact, ...] = ()
    """Facts of the rows that add it, whatever the task: JSON references, a schema, tools."""


class RowScorer(Protocol):
    def score(self, outcome: Outcome) -> float | None: ...


class AggregateScorer(Protocol):
    def encode(self, outcomes: Sequence[Outcome]) -> NDArray[np.int64]: ...

    @property
    def statistic(self) -> Callable[[NDArray[np.int64]], float]: ...
