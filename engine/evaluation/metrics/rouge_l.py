"""ROUGE-L: F1 of the longest common subsequence of words, over the whole text (Lin 2004)."""

from __future__ import annotations

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.rouge import subsequence_f1


def score(outcome: Outcome) -> float | None:
    return subsequence_f1(outcome.text, outcome.reference)
