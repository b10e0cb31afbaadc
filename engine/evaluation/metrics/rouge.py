"""ROUGE's counts (Lin 2004), shared by its three metrics: F1 of shared n-grams, and of the longest common subsequence.

Words as token_f1 reads them, so that every script has some; on English text without apostrophes and underscores the
figures are those of Google's rouge-score without its stemmer, which knows no letter outside a to z and has had no
release since 2022. The subsequence is RapidFuzz's, bit-parallel.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from rapidfuzz.distance import LCSseq

from engine.evaluation.metrics.token_f1 import word_list

_MOST_WORDS = 10_000
"""Of either text; the subsequence costs their product."""


def ngram_f1(text: str, reference: str, n: int) -> float:
    """0.0 where either side has no n-gram."""
    found, wanted = _ngrams(text, n), _ngrams(reference, n)
    if not found or not wanted:
        return 0.0
    shared = sum((found & wanted).values())
    return 2 * shared / (sum(found.values()) + sum(wanted.values()))


def subsequence_f1(text: str, reference: str) -> float:
    found, wanted = _words(text), _words(reference)
    if not found or not wanted:
        return 0.0
    return 2 * int(LCSseq.similarity(found, wanted)) / (len(found) + len(wanted))


def _ngrams(text: str, n: int) -> Counter[tuple[str, ...]]:
    words = _words(text)
    return Counter(zip(*(words[i:] for i in range(n)), strict=False))


@lru_cache(maxsize=64)
def _words(text: str) -> list[str]:
    return word_list(text)[:_MOST_WORDS]
