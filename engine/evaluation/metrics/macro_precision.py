"""Macro precision: of the rows given a label, the share that have it; the mean over the labels that occur as
references. A label that is never given counts 0 (scikit-learn's zero_division=0).
"""

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
    return float(np.mean(counts.right[present] / np.maximum(1, counts.said[present])))
