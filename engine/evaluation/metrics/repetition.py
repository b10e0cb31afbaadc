"""Repetition: the share of runs of four words that stood in the answer before (seq-rep-4, Welleck et al. 2020).

Says nothing of an answer of fewer than four words.
"""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.token_f1 import word_list

N = 4


def score(outcome: Outcome) -> float | None:
    words = word_list(outcome.text)
    runs = list(zip(*(words[i:] for i in range(N)), strict=False))
    return 1 - len(set(runs)) / len(runs) if runs else None
