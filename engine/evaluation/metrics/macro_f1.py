"""Macro F1 over the labels that occur as references; an answer that names none costs recall and no label's
precision.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics import Outcome
from engine.evaluation.metrics.labels import named_label, normalised_labels
from engine.evaluation.metrics.reading import normalised


def encode(outcomes: Sequence[Outcome]) -> NDArray[np.int64]:
    """(n, 2) of label numbers, wanted and named; -1 for an answer that names none."""
    rows = []
    for outcome in outcomes:
        number = {label: i for i, label in enumerate(normalised_labels(outcome.labels))}
        rows.append((number[normalised(outcome.reference)], number.get(named_label(outcome.text, outcome.labels), -1)))
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


def statistic(rows: NDArray[np.int64]) -> float:
    """Mean F1 over the labels wanted in `rows`; 0.0 without rows."""
    if len(rows) == 0:
        return 0.0
    wanted, named = rows[:, 0], rows[:, 1]
    size = int(rows.max()) + 1
    support = np.bincount(wanted, minlength=size)
    said = np.bincount(named[named >= 0], minlength=size)
    right = np.bincount(wanted[wanted == named], minlength=size)
    present = support > 0
    return float(np.mean(2 * right[present] / (support[present] + said[present])))
