"""Embedding similarity: cosine of the sentence embeddings of answer and reference, negative ones taken as 0 (Reimers
and Gurevych 2019; engine/evaluation/embedding.py). Says nothing while no embedding model is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics.kinds import Outcome
from engine.training.options import check, option

if TYPE_CHECKING:
    from engine.evaluation.embedding import Embedder

_READ = 20_000


@dataclass(frozen=True, slots=True)
class Options:
    model: str = option(
        "",
        label="Embedding model",
        why="Folder of a sentence-transformers model. Empty: the one among the workbench's models.",
        group="Metric",
    )

    def __post_init__(self) -> None:
        check(self, "metric_options.embedding_similarity")


DEFAULT = Options()


def score(outcome: Outcome, options: Options = DEFAULT) -> float | None:
    if not options.model:
        return None
    text, reference = outcome.text[:_READ], outcome.reference[:_READ]
    if not text.strip() or not reference.strip():
        return float(text.strip() == reference.strip())
    found = float(np.dot(_embedded(options.model, text), _embedded(options.model, reference)))
    return min(1.0, max(0.0, found))


@lru_cache(maxsize=4096)
def _embedded(model: str, text: str) -> NDArray[np.float32]:
    return _loaded(model).embed([text])[0]


@lru_cache(maxsize=1)
def _loaded(model: str) -> Embedder:
    from engine.evaluation.embedding import Embedder

    return Embedder(Path(model))
