"""ROUGE-2: F1 of the pairs of words that answer and reference share (Lin 2004)."""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.rouge import ngram_f1


def score(outcome: Outcome) -> float | None:
    return ngram_f1(outcome.text, outcome.reference, 2)
