"""ROUGE-1: F1 of the single words that answer and reference share (Lin 2004)."""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.rouge import ngram_f1


def score(outcome: Outcome) -> float | None:
    return ngram_f1(outcome.text, outcome.reference, 1)
