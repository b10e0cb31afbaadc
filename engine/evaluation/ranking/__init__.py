"""Passages ranked by how well they fit a question: one file a ranker, named in one table."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from engine.errors import EngineError
from engine.evaluation.ranking.chunks import Chunk
from engine.evaluation.systems import Passage

# ranker → dotted module with ``build(texts, embedder) -> Ranker``.
RANKERS: dict[str, str] = {
    "bm25": "engine.evaluation.ranking.bm25",
    "embeddings": "engine.evaluation.ranking.embeddings",
}


class Ranker(Protocol):
    def best(self, question: str, k: int) -> list[tuple[int, float]]:
        """(place of the text, score) of the k best, best first; ties in the order of the texts."""
        ...


class _Module(Protocol):
    def build(self, texts: Sequence[str], embedder: Path | None) -> Ranker: ...


class Index:
    """Chunks with the ranker over them."""

    def __init__(self, chunks: Sequence[Chunk], ranker: Ranker) -> None:
        self._chunks, self._ranker = chunks, ranker

    def best(self, question: str, k: int) -> list[Passage]:
        """At most k passages; none that has nothing in common with the question."""
        return [
            Passage(chunk.document, chunk.number, score, chunk.text)
            for at, score in self._ranker.best(question, k)
            if score > 0 and (chunk := self._chunks[at])
        ]


def build_index(ranker: str, chunks: Sequence[Chunk], embedder: Path | None) -> Index:
    """Raises EngineError("Config") for an unknown ranker, ("Model") for one whose model is not there."""
    if ranker not in RANKERS:
        raise EngineError("Config", f"There is no ranker {ranker!r}.", f"Use one of: {', '.join(RANKERS)}.")
    module = cast(_Module, import_module(RANKERS[ranker]))
    return Index(chunks, module.build([chunk.text for chunk in chunks], embedder))
