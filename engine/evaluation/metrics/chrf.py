"""Corpus chrF2 (Popović 2015) by sacreBLEU, divided by 100: F-score, recall twice, of runs of one to six characters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics.kinds import Outcome

_READ = 50_000
_COLUMNS = 18
"""For each length of one to six: runs of the answer, of the reference, and shared."""


def encode(outcomes: Sequence[Outcome]) -> NDArray[np.int64]:
    chrf = _chrf()
    rows = [
        # One call a row: the corpus is the sum, and the resampling needs the rows.
        chrf._extract_corpus_statistics([outcome.text[:_READ]], [[outcome.reference[:_READ]]])[0]
        for outcome in outcomes
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, _COLUMNS)


def statistic(rows: NDArray[np.int64]) -> float:
    """0.0 without rows."""
    if len(rows) == 0:
        return 0.0
    return float(_chrf()._compute_f_score(rows.sum(0).tolist())) / 100


@cache
def _chrf() -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF()
