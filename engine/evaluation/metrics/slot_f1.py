"""Slot F1: the harmonic mean of slot precision and recall, over all rows together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics.slots import detail, encode, ratio

__all__ = ["detail", "encode", "statistic"]


def statistic(rows: NDArray[np.int64]) -> float:
    return ratio(rows, given=True, wanted=True)
