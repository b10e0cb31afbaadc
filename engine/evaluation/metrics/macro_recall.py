"""Macro recall, also called balanced accuracy: the share of each label's rows that were given it, averaged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics.confusion import count, detail, encode

__all__ = ["detail", "encode", "statistic"]


def statistic(rows: NDArray[np.int64]) -> float:
    """0.0 without rows."""
    if len(rows) == 0:
        return 0.0
    counts = count(rows)
    present = counts.support > 0
    return float(np.mean(counts.right[present] / counts.support[present]))
