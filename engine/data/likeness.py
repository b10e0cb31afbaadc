"""How much do texts repeat one another? ROUGE-L to the most alike other text, and distinct n-grams."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CANDIDATES, MOST_WORDS = 5, 200

Words = list[str]


def distinct(texts: list[Words], n: int) -> float:
    """Different n-grams by all n-grams (Li and others 2016, distinct-n): 0 to 1. It falls with the number of texts."""
    grams = [gram for words in texts for gram in zip(*(words[start:] for start in range(n)), strict=False)]
    return len(set(grams)) / len(grams) if grams else 0.0


def rouge_l(one: Words, other: Words) -> float:
    """F-measure of the longest common subsequence (Lin 2004): 0 to 1."""
    if not one or not other:
        return 0.0
    return 2 * longest_common(one, other) / (len(one) + len(other))


def longest_common(one: Words, other: Words) -> int:
    """Length of the longest common subsequence, all of ``one`` in a step (Hyyrö 2004: bits of one whole number)."""
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(one)) - 1
    row = full
    for word in other:
        match = row & places.get(word, 0)
        row = (row + match | row - match) & full
    return len(one) - row.bit_count()


def nearest(texts: list[Words]) -> NDArray[np.float64]:
    """Each text's ROUGE-L to the other one it is most like, among the five with which it shares most words. Texts are
    cut at 200 words. Time and memory grow with the square of the texts: give at most some thousand."""
    from sklearn.feature_extraction.text import CountVectorizer

    cut = [words[:MOST_WORDS] for words in texts]
    if sum(map(bool, cut)) < 2:
        return np.zeros(len(cut))
    counts: Any = CountVectorizer(analyzer=list, binary=True, dtype=np.float32).fit_transform(cut)
    shared = np.asarray((counts @ counts.T).todense())
    sizes = np.maximum(shared.diagonal(), 1)
    # Dice's coefficient of the sets of words bounds ROUGE-L from above where no word comes twice.
    likeness = 2 * shared / (sizes[:, None] + sizes[None, :])
    np.fill_diagonal(likeness, -1)
    few = min(CANDIDATES, len(cut) - 1)
    best = np.argpartition(-likeness, few - 1, axis=1)[:, :few]
    return np.array([max(rouge_l(cut[row], cut[place]) for place in best[row]) for row in range(len(cut))])
