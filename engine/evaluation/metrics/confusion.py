"""Which label was wanted and which was named, counted. Shared by the metrics over labels.

An answer that names no label, or more than one, stands in the column "": it costs recall and no label's precision.
Precision, recall and F1 as scikit-learn's precision_recall_fscore_support with zero_division=0, over the labels that
occur as references.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.labels import named_label, normalised_labels
from engine.evaluation.metrics.reading import normalised

MOST_LABELS = 30
"""A matrix of more labels is no table a person reads: only the per-label figures and the worst confusions are kept."""
_WORST = 20


@dataclass(frozen=True, slots=True)
class Counts:
    """By label number: rows that have it, rows given it, rows where both hold."""

    support: NDArray[np.int64]
    said: NDArray[np.int64]
    right: NDArray[np.int64]


def encode(outcomes: Sequence[Outcome]) -> NDArray[np.int64]:
    """(n, 2) of label numbers, wanted and named; -1 for an answer that names none."""
    rows = []
    for outcome in outcomes:
        number = {label: i for i, label in enumerate(normalised_labels(outcome.labels))}
        wanted = number.get(normalised(outcome.reference), len(number))
        rows.append((wanted, number.get(named_label(outcome.text, outcome.labels), -1)))
    return np.array(rows, dtype=np.int64).reshape(-1, 2)


def count(rows: NDArray[np.int64]) -> Counts:
    wanted, named = rows[:, 0], rows[:, 1]
    size = int(rows.max()) + 1 if len(rows) else 0
    return Counts(
        np.bincount(wanted, minlength=size),
        np.bincount(named[named >= 0], minlength=size),
        np.bincount(wanted[wanted == named], minlength=size),
    )


def detail(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Per label precision, recall, F1 and support, the confusion matrix (rows wanted, columns named, the last column
    none) up to 30 labels, and the most frequent confusions."""
    rows = encode(outcomes)
    labels = list(normalised_labels(outcomes[0].labels)) if outcomes else []
    size = len(labels)
    matrix = np.zeros((size, size + 1), dtype=np.int64)
    inside = rows[rows[:, 0] < size]
    np.add.at(matrix, (inside[:, 0], np.where(inside[:, 1] < 0, size, inside[:, 1])), 1)
    wrong = [
        (int(matrix[i, j]), labels[i], labels[j] if j < size else "")
        for i, j in zip(*np.nonzero(matrix), strict=True)
        if i != j
    ]
    return {
        "kind": "confusion",
        "labels": labels,
        "per_label": [_of_label(matrix, i, label) for i, label in enumerate(labels)],
        "matrix": matrix.tolist() if size <= MOST_LABELS else None,
        "worst": [{"n": n, "wanted": a, "named": b} for n, a, b in sorted(wrong, key=lambda w: (-w[0], w))[:_WORST]],
    }


def _of_label(matrix: NDArray[np.int64], i: int, label: str) -> dict[str, Any]:
    right, support, said = int(matrix[i, i]), int(matrix[i].sum()), int(matrix[:, i].sum())
    return {
        "label": label,
        "precision": right / said if said else 0.0,
        "recall": right / support if support else 0.0,
        "f1": 2 * right / (support + said) if support + said else 0.0,
        "n": support,
        "said": said,
    }
