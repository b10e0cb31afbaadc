"""Answers of systems as an evaluation keeps them, made by hand: what the statistics are told, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.evaluation.cases import Case
from engine.evaluation.comparing import Answers
from engine.evaluation.journal import Output


def case(row: int, prompt: str = "", reference: str = "yes", **facts: Any) -> Case:
    messages = ({"role": "user", "content": prompt or f"Question {row}?"},)
    return Case(row, f"{row:064x}", row + 1, messages, reference, facts=facts)


def output(row: int, system: str, text: str = "", **scores: float) -> Output:
    return Output(row, f"{row:064x}", row + 1, system, text, scores, 0.1, 5, 5, 1, False, True)


def answers(cases: Sequence[Case], scores: dict[str, dict[str, Sequence[float]]], seed: int = 42) -> Answers:
    """`scores`: system -> metric -> a score for each case."""
    outputs = {
        system: {
            one.row: output(one.row, system, **{name: float(column[at]) for name, column in metrics.items()})
            for at, one in enumerate(cases)
        }
        for system, metrics in scores.items()
    }
    return Answers(cases, outputs, ("yes", "no"), seed)
