"""What kinds of systems draw on: training rows that are none of the rows asked, and the project's documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.data.examples import iterate
from engine.errors import EngineError
from engine.evaluation.cases import Case
from engine.evaluation.metrics.reading import normalised
from engine.evaluation.ranking import Index, build_index
from engine.evaluation.ranking.chunks import chunks_of
from engine.evaluation.spec import DocumentFile


@dataclass(frozen=True, slots=True)
class Pair:
    """A training row as an example: what the user said last, and the answer."""

    prompt: str
    answer: str


class Materials:
    """Read when first asked for, then kept."""

    def __init__(
        self,
        cases: Sequence[Case],
        training_rows: Path | None = None,
        documents: Sequence[DocumentFile] = (),
        embedder: Path | None = None,
    ) -> None:
        self.cases = cases
        self._training_rows = training_rows
        self._documents = documents
        self._embedder = embedder
        self._indexes: dict[tuple[str, int, int], Index] = {}

    @cached_property
    def examples(self) -> list[Pair]:
        """The training rows in file order, without any whose identity or question is one of the rows asked."""
        if self._training_rows is None:
            return []
        rows = {case.row_id for case in self.cases}
        questions = {normalised(case.prompt) for case in self.cases}
        return [
            Pair(one.example.prompt_text, one.example.answer)
            for one in iterate(self._training_rows, skip_unusable=True)
            if one.example.prompt_text
            and one.example.answer
            and one.row_id not in rows
            and normalised(one.example.prompt_text) not in questions
        ]

    def index(self, ranker: str, chunk_words: int, overlap: int) -> Index:
        """The documents, cut and ranked. Raises EngineError("Data") when there is nothing in them."""
        wanted = (ranker, chunk_words, overlap)
        if wanted not in self._indexes:
            chunks = [
                chunk
                for document in self._documents
                for chunk in chunks_of(document.name, document.text(), chunk_words, overlap)
            ]
            if not chunks:
                raise EngineError(
                    "Data",
                    "The project has no documents to retrieve from.",
                    "Upload documents on the project's Documents page, then start the evaluation again.",
                )
            self._indexes[wanted] = build_index(ranker, chunks, self._embedder)
        return self._indexes[wanted]
