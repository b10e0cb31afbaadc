"""BM25 over words, by the library bm25s (Lù 2024, arXiv 2407.03618): Lucene's variant, k1 = 1.5, b = 0.75.

Words as everywhere here: without case and punctuation; pairs of characters in scripts without blanks.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from engine.data.similar import units


class Bm25:
    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.WARNING)
        words = [terms(text) for text in texts]
        self._count = len(texts)
        # The library cannot build an index of no word at all.
        self._index = bm25s.BM25(method="lucene", k1=1.5, b=0.75) if any(words) else None
        if self._index is not None:
            self._index.index(words, show_progress=False)

    def best(self, question: str, k: int) -> list[tuple[int, float]]:
        """(place, score) of the k best texts, best first; ties in the order given. None shares a word: the first k."""
        asked = terms(question)
        scores = np.zeros(self._count)
        if self._index is not None and asked:
            scores = np.asarray(self._index.get_scores(asked), dtype=np.float64)
        order = np.argsort(-scores, kind="stable")[:k]
        return [(int(place), float(scores[place])) for place in order]


def build(texts: Sequence[str], embedder: Path | None) -> Bm25:
    return Bm25(texts)


def terms(text: str) -> list[str]:
    """The words of a text as BM25 counts them."""
    found, unparted = units(text)
    if unparted:
        return [(one + other).decode("utf-8", "replace") for one, other in pairwise(found)]
    return [word.decode("utf-8", "replace") for word in found]
