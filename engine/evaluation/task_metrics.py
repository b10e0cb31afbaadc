"""Which metric tells how well a task is done: the choice of a run, resolved by the project's task type. No torch."""

from __future__ import annotations

from engine.evaluation.metrics import METRICS

AUTOMATIC, OFF = "auto", "off"
OFFERED = ("exact_match", "json_valid", "json_fields", "accuracy", "token_f1", "contains")
"""Metrics that a few rows' answers can be judged by while a run trains; all are shares, higher is better."""
_UNKNOWN_TASK = "exact_match"


def choices() -> tuple[tuple[str, str], ...]:
    """(value, label) pairs of an option."""
    named = tuple((name, METRICS[name].label) for name in OFFERED)
    return ((AUTOMATIC, "By the project's task"), *named, (OFF, "Not measured"))


def metric_of(choice: str, task_type: str) -> str:
    """The metric's name: as chosen, or the one the task's verdict rests on."""
    if choice != AUTOMATIC:
        return choice
    return next((name for name in OFFERED if task_type in METRICS[name].primary), _UNKNOWN_TASK)
