"""Clusters of texts: what they are about, how many there are of each, and where they lie on a map.

TF-IDF over words, reduced by latent semantic analysis (Deerwester and others 1990), k-means with k = √(n / 2) (Mardia,
Kent, Bibby 1979, rule of thumb), and clusters whose centres are alike put together again: the rule of thumb gives too
many rather than too few. Time and memory are linear in the texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.similar import units

DIMENSIONS, MOST_WORDS, MOST_FITTED, SEED = 50, 20_000, 8_000, 42
LEAST_K, MOST_K, ALIKE = 2, 40, 0.6
TERMS = 8
# A cluster is of its own kind when its texts are near its centre, and no other centre is near it.
TIGHT, ALONE = 0.6, 0.3
# Texts with a cosine below FAR to their centre are looked at again for small groups, alike by NEAR on average.
FAR, NEAR, MOST_FAR, LEAST_APART, SHARE_APART, MOST_APART = 0.15, 0.4, 2000, 3, 0.003, 10
MEASURE = (
    "TF-IDF of words, latent semantic analysis (50 dimensions), k-means with k = √(rows / 2), 2 to 40; "
    f"clusters whose centres have a cosine of {ALIKE} or more are one"
)

Floats = NDArray[np.floating[Any]]


@dataclass(slots=True)
class Topics:
    """``of``: the cluster of each text, from 0, the largest first. ``closeness``: cosine of each text and its centre.
    ``xy``: texts × 2. ``terms``: of each cluster, the words that tell it from the others, the strongest first.
    ``tight``: whether its texts are close together and far from the other clusters."""

    of: NDArray[np.int64]
    closeness: Floats
    xy: Floats
    terms: list[list[str]]
    tight: list[bool]
    k: int
    model: Any = None

    def assign(self, texts: list[str]) -> NDArray[np.int64]:
        """The cluster of each of other texts."""
        if self.model is None:
            return np.zeros(len(texts), np.int64)
        vectorizer, reduction, centres = self.model
        return np.asarray((_unit(reduction.transform(vectorizer.transform(texts))) @ centres.T).argmax(axis=1))


def words(text: str) -> list[str]:
    """The words of a text; every number is the same word; of scripts without blanks, pairs of characters."""
    found, unparted = units(text)
    if unparted:
        return [(one + other).decode("utf-8", "replace") for one, other in pairwise(found)]
    return ["0" if word[:1].isdigit() else word.decode("utf-8", "replace") for word in found]


def topics(texts: list[str]) -> Topics:
    """Clusters of two texts or more. The same texts give the same clusters."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from threadpoolctl import threadpool_limits

    least = 2 if len(texts) >= 100 else 1
    # A word in more than half the texts is the frame they stand in; it tells none from the others.
    vectorizer = TfidfVectorizer(
        analyzer=words, sublinear_tf=True, min_df=least, max_df=0.5, max_features=MOST_WORDS, dtype=np.float32
    )
    try:
        vectors: Any = vectorizer.fit_transform(texts)
    except ValueError:  # all texts are the same, or none shares a word with another
        return _one(len(texts))
    if vectors.shape[1] < 2:
        return _one(len(texts))
    reduction = TruncatedSVD(min(DIMENSIONS, vectors.shape[1] - 1), n_iter=2, random_state=SEED)
    k = int(min(MOST_K, max(LEAST_K, round((len(texts) / 2) ** 0.5))))
    # One thread: the sums then come in one order whatever the machine, and small steps do not spin.
    with threadpool_limits(1):
        placed = reduction.fit(vectors[:: -(-len(texts) // MOST_FITTED)]).transform(vectors)
        points = _unit(placed)
        of = _clusters(points, k)
        # What the reduction lost is not near any centre: hence the cosine of the whole vector, not of its place.
        own = _apart(vectors, np.flatnonzero((placed * _centres(points, of)[of]).sum(axis=1) < FAR))
    of = np.where(own >= 0, own + int(of.max()) + 1, of)
    order = np.argsort(-np.bincount(of), kind="stable")
    order = order[: len(np.unique(of))]
    rank = np.zeros(int(of.max()) + 1, np.int64)
    rank[order] = np.arange(len(order))
    of = rank[of]
    centres = _centres(points, of)
    closeness = (points * centres[of]).sum(axis=1)
    alone = _nearest(vectors, of) < ALONE
    tight = [
        bool(alone[each] and (closeness[of == each].mean() >= TIGHT or own[of == each].min() >= 0))
        for each in range(len(order))
    ]
    terms = _terms(vectors, of, vectorizer.get_feature_names_out())
    return Topics(of, closeness, _map(points), terms, tight, k, (vectorizer, reduction, centres))


def _one(count: int) -> Topics:
    return Topics(np.zeros(count, np.int64), np.ones(count), np.zeros((count, 2)), [[]], [True], 1)


def _unit(points: Floats) -> Floats:
    points = np.asarray(points, dtype=np.float32)
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)


def _clusters(points: Floats, k: int) -> NDArray[np.int64]:
    """The cluster of each point, from 0."""
    from sklearn.cluster import AgglomerativeClustering, MiniBatchKMeans

    # Fewer distinct points than k leave centres without points; they are dropped below.
    k = min(k, len(np.unique(points.round(6), axis=0)))
    if k < 2:
        return np.zeros(len(points), np.int64)
    found = MiniBatchKMeans(k, n_init=3, batch_size=2048, random_state=SEED)
    found.fit(points[:: -(-len(points) // MOST_FITTED)])
    of = np.unique(found.predict(points), return_inverse=True)[1]
    centres = _centres(points, of)
    if len(centres) < 2:
        return of
    # Texts without a word that counts lie at zero, alike to nothing; the library's own cosine refuses them.
    apart = np.clip(1 - centres @ centres.T, 0, 2)
    together = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=1 - ALIKE)
    return np.unique(together.fit_predict(apart)[of], return_inverse=True)[1]


def _apart(vectors: Any, far: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each text the group of its own it belongs to, from 0, or -1. ``far``: texts that lie near no centre. k-means
    gives a handful of texts no centre, however far from all others they are, and the reduction forgets their words."""
    from sklearn.cluster import AgglomerativeClustering

    own = np.full(vectors.shape[0], -1)
    least = max(LEAST_APART, round(SHARE_APART * len(own)))
    far = far[:MOST_FAR]
    if len(far) < least:
        return own
    apart = np.clip(1 - np.asarray((vectors[far] @ vectors[far].T).todense()), 0, 2)
    together = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=1 - NEAR)
    groups = together.fit_predict(apart)
    sizes = np.bincount(groups)
    large = [group for group in np.argsort(-sizes, kind="stable")[:MOST_APART] if sizes[group] >= least]
    for place, group in enumerate(large):
        own[far[groups == group]] = place
    return own


def _centres(points: Floats, of: NDArray[np.int64]) -> Floats:
    return _unit(np.stack([points[of == each].mean(axis=0) for each in range(int(of.max()) + 1)]))


def _nearest(vectors: Any, of: NDArray[np.int64]) -> Floats:
    """Of each cluster the cosine, over all words, of its centre and the most alike other centre."""
    centres = _unit(
        np.stack([np.asarray(vectors[of == each].mean(axis=0)).ravel() for each in range(int(of.max()) + 1)])
    )
    likeness = centres @ centres.T
    np.fill_diagonal(likeness, 0)
    return likeness.max(axis=1)


def _map(points: Floats) -> Floats:
    """The first two principal components, always with the same signs."""
    centred = points - points.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    placed = centred @ axes
    return placed if placed.shape[1] == 2 else np.c_[placed, np.zeros(len(placed))]


def _terms(vectors: Any, of: NDArray[np.int64], names: Any) -> list[list[str]]:
    """Words by how much more weight they have in the cluster than in all texts."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    overall = np.asarray(vectors.mean(axis=0)).ravel()
    common = ENGLISH_STOP_WORDS | _COMMON
    shown = np.array([len(name) > 1 and name not in common for name in names])
    terms = []
    for each in range(int(of.max()) + 1):
        more = (np.asarray(vectors[of == each].mean(axis=0)).ravel() - overall) * shown
        best = np.argsort(-more, kind="stable")[:TERMS]
        terms.append([str(names[place]) for place in best if more[place] > 0])
    return terms


# What the library's list of stop words lacks: forms of do, and the first halves of contractions.
_COMMON = frozenset({"did", "does", "doing", "don", "didn", "doesn", "isn", "aren", "wasn", "weren", "hasn", "haven"})
_COMMON |= {"hadn", "won", "wouldn", "couldn", "shouldn", "ll", "ve"}
