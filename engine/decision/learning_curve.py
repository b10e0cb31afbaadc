"""What would more rows bring? A power law through losses at several numbers of rows, with an interval.

loss(n) = floor + scale · n^−exponent (Hestness and others 2017, arXiv 1712.00409; Hernandez and others 2021 for
fine-tuning). Every curve of a grid is weighed by how well it meets the points (flat prior, normal noise): few points,
or points close together, give a wide interval instead of a confident line. No torch, no Django.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EXPONENTS = np.linspace(0.05, 1.0, 39)
FLOORS = np.linspace(0.0, 0.995, 200)
"""As shares of the lowest loss seen."""
NOISE, ROUGH_NOISE = 0.01, 0.03
"""Standard deviation of a loss between seeds, as a share of it; within one run learning rate and order weigh in too."""
LEAST_SPREAD = 1.25
"""The largest number of rows by the smallest; below it the points say nothing about growth."""
SURE = 0.9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """The loss to expect with ``rows`` rows, and the interval that holds it with 90 %."""

    rows: int
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """``points``: (rows, loss) by rising rows. ``rough``: the points come from one run, not from runs of their own."""

    points: tuple[tuple[int, float], ...]
    rough: bool
    _scales: Floats
    _weights: Floats

    def at(self, rows: int) -> Estimate:
        """Raises ValueError for less than one row."""
        if rows < 1:
            raise ValueError(f"{rows} rows")
        losses = (_floors(self.points)[None, :] + self._scales * rows ** -EXPONENTS[:, None]).ravel()
        order = np.argsort(losses)
        share = np.cumsum(self._weights.ravel()[order])
        low, middle, high = np.interp(((1 - SURE) / 2, 0.5, (1 + SURE) / 2), share, losses[order])
        return Estimate(rows, float(middle), float(low), float(high))

    def gain(self, times: float = 2.0) -> Estimate:
        """The loss with ``times`` the most rows seen."""
        return self.at(round(self.points[-1][0] * times))

    def sentence(self, times: float = 2.0) -> str:
        """In words, for the page: whether more rows are worth collecting."""
        now, then = self.at(self.points[-1][0]).expected, self.gain(times)
        rough = " Rough: taken from the course of one run." if self.rough else ""
        more = f"With {times:g} times the rows ({then.rows:,}) the loss would"
        if (now - then.expected) / now < 0.01:
            return f"{more} stay about {now:.2f}: more of the same adds little.{rough}"
        if then.high >= now:
            return f"{more} be {then.low:.2f} to {then.high:.2f}, and is about {now:.2f}: no gain is shown.{rough}"
        return f"{more} fall from {now:.2f} to about {then.expected:.2f} ({then.low:.2f} to {then.high:.2f}).{rough}"


def fit(points: Sequence[tuple[int, float]], rough: bool = False) -> LearningCurve | None:
    """A curve through (rows, loss) of two or more runs on subsets of one version; several runs of one size count each.

    For a score that should rise, give 1 − score. None when there are fewer than two sizes, or they lie too close
    together. Raises ValueError for a number of rows below 1, or a loss that is not a positive number.
    """
    ordered = tuple(sorted((int(rows), float(loss)) for rows, loss in points))
    if any(rows < 1 or not np.isfinite(loss) or loss <= 0 for rows, loss in ordered):
        raise ValueError("rows start at 1, and a loss is a positive number")
    if not ordered or ordered[-1][0] < LEAST_SPREAD * ordered[0][0]:
        return None
    rows = np.array([point[0] for point in ordered], dtype=np.float64)
    losses = np.array([point[1] for point in ordered])
    shapes = rows[None, :] ** -EXPONENTS[:, None]  # exponents × points
    above = losses[None, :] - _floors(ordered)[:, None]  # floors × points
    # The best scale of each exponent and floor, by least squares; a loss that rises with the rows has none, so 0.
    scales = np.maximum(0.0, (shapes @ above.T) / (shapes**2).sum(axis=1)[:, None])
    errors = above[None, :, :] - scales[:, :, None] * shapes[:, None, :]
    sigma = (ROUGH_NOISE if rough else NOISE) * losses
    misfit = ((errors / sigma) ** 2).sum(axis=2)
    # Points that no curve meets are noisier than thought: the interval widens with them.
    misfit /= max(1.0, float(misfit.min()) / max(1, len(ordered) - 2))
    weights = np.exp(-0.5 * (misfit - misfit.min()))
    return LearningCurve(ordered, rough, scales, weights / weights.sum())


def of_one_run(losses: Sequence[tuple[float, float]], rows: int) -> LearningCurve | None:
    """The same from one run: (epochs done, validation loss). Only the first epoch counts, for there every row is new:
    after half of it, half of the rows were seen. The first tenth is warm-up and is left out. Always rough."""
    first = [(round(epoch * rows), loss) for epoch, loss in losses if 0.1 <= epoch <= 1.0 and epoch * rows >= 1]
    return fit(first, rough=True)


def _floors(points: Sequence[tuple[int, float]]) -> Floats:
    return np.asarray(FLOORS * min(loss for _, loss in points))
