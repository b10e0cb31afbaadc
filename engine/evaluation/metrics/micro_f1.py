"""Micro F1: 2·right / (rows + answers that name a label). Equal to accuracy when every answer names one label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics.confusion import detail, encode

__all__ = ["detail", "encode", "statistic"]


def statistic(rows: NDArray[np.int64]) -> float:
    """0.0 without rows."""
    if len(rows) == 0:
        return 0.0
    right = int(np.sum(rows[:, 0] == rows[:, 1]))
    return 2 * right / (len(rows) + int(np.sum(rows[:, 1] >= 0)))
