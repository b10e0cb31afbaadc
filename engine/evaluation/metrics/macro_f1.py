"""Macro F1 over the labels that occur as references; an answer that names none costs recall and no label's
precision.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics.confusion import count, detail, encode

__all__ = ["detail", "encode", "statistic"]


def statistic(rows: NDArray[np.int64]) -> float:
    """Mean F1 over the labels wanted in `rows`; 0.0 without rows."""
    if len(rows) == 0:
        return 0.0
    counts = count(rows)
    present = counts.support > 0
    return float(np.mean(2 * counts.right[present] / (counts.support[present] + counts.said[present])))
