"""Cosine of sentence embeddings: what means the same ranks high, with other words too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.errors import EngineError
from engine.evaluation.embedding import Embedder


class ByMeaning:
    def __init__(self, texts: Sequence[str], embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors = embedder.embed(texts)

    def best(self, question: str, k: int) -> list[tuple[int, float]]:
        scores = self._vectors @ self._embedder.embed([question])[0]
        order = np.argsort(-scores, kind="stable")[:k]
        return [(int(place), float(scores[place])) for place in order]


def build(texts: Sequence[str], embedder: Path | None) -> ByMeaning:
    """Raises EngineError("Model") without an embedding model."""
    if embedder is None:
        raise EngineError(
            "Model",
            "There is no embedding model on this machine.",
            "Rank by BM25, or put the folder of a sentence-transformers model under the workbench's models.",
        )
    return ByMeaning(texts, Embedder(embedder))
