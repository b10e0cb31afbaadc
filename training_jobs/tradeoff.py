"""Gain against forgetting: the checkpoints of a run as points, laid out for the drawing on its page."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from engine.decision.recommendation import TASK_SCORE, Recommendation, words_of
from training_jobs.models import TrainingJob

WIDTH, HEIGHT = 640, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 24, 22, 40
_MOST = 400
"""Points that are drawn; a longer run shows its newest ones."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measured step at ``x``, ``y`` of the drawing (both in its units)."""

    step: int
    gain: float
    change: float
    worst: str
    x: float
    y: float
    saved: bool
    recommended: bool
    past_limit: bool


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What a step's probes say: the worst change, and of what."""

    change: float | None
    words: str


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """``points`` is empty until both gain and forgetting were measured after step 0."""

    recommendation: Recommendation
    by_task: bool
    """Whether the gain is in points of the task metric, and not the relative fall of the validation loss."""
    measured: dict[int, Measured]
    points: list[Point]
    line: str
    limit_x: float
    zero_y: float
    x_ticks: list[Tick]
    y_ticks: list[Tick]

    @property
    def gained(self) -> str:
        return "task metric" if self.by_task else "validation loss"

    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def tradeoff(job: TrainingJob, saved: Collection[int]) -> Tradeoff:
    """``saved``: the steps whose checkpoints are still on the disk."""
    found, limit, titles = job.candidates(), job.forgetting_limit, job.suite_titles
    words = {one.step: words_of(one.worst, titles) if one.worst else "" for one in found}
    measured = {one.step: Measured(one.change, words[one.step]) for one in found}
    recommendation = job.recommended(saved)
    by_task = any(one.by == TASK_SCORE for one in found)
    shown = [(one, one.gain, one.change) for one in found if one.gain is not None and one.change is not None]
    shown = shown[-_MOST:]
    if not any(one.step for one, _, _ in shown):
        return Tradeoff(recommendation, by_task, measured, [], "", 0, 0, [], [])
    x_low, x_high = _range([change for _, _, change in shown] + [limit, 0.0])
    y_low, y_high = _range([gain for _, gain, _ in shown] + [0.0])

    def x(value: float) -> float:
        return round(_LEFT + (value - x_low) / (x_high - x_low) * (WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - _BOTTOM - (value - y_low) / (y_high - y_low) * (HEIGHT - _TOP - _BOTTOM), 1)

    points = [
        Point(
            one.step,
            gain,
            change,
            words[one.step],
            x(change),
            y(gain),
            one.step in saved,
            one.step == recommendation.step,
            change <= limit,
        )
        for one, gain, change in shown
    ]
    return Tradeoff(
        recommendation,
        by_task,
        measured,
        points,
        " ".join(f"{point.x},{point.y}" for point in points),
        x(limit),
        y(0.0),
        _ticks((limit, 0.0, x_low, x_high), x, apart=60),
        _ticks((0.0, y_low, y_high), y, apart=20),
    )


def _range(values: list[float]) -> tuple[float, float]:
    """A little wider than the values, and never empty."""
    low, high = min(values), max(values)
    room = max((high - low) * 0.08, 0.005)
    return low - room, high + room


def _ticks(values: tuple[float, ...], place: Callable[[float], float], apart: float) -> list[Tick]:
    """The values that have room for a label, the first before the later ones."""
    found: list[Tick] = []
    for value in values:
        if all(abs(place(value) - tick.at) >= apart for tick in found):
            found.append(Tick(place(value), value))
    return found
