"""Passages of the project's documents before the question, ranked by BM25 or by embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.evaluation.cases import Case
from engine.evaluation.systems import Asked, Passage, Prompting
from engine.evaluation.systems.materials import Materials
from engine.training.options import SpecError, check, option


@dataclass(frozen=True)
class Options:
    k: int = option(
        3,
        label="Passages",
        why="How many of the best passages stand before each question; recall is measured at this number.",
        group="retrieval",
        level="simple",
        minimum=1,
        maximum=20,
    )
    ranker: str = option(
        "bm25",
        label="Ranked by",
        why="BM25 compares words and needs no model. Embeddings compare meaning and need an embedding model here.",
        group="retrieval",
        level="simple",
        choices=(("bm25", "BM25 (words)"), ("embeddings", "Embeddings (meaning)")),
    )
    chunk_words: int = option(
        160,
        label="Words in a passage",
        why="Documents are cut along paragraphs into passages of at most so many words.",
        group="retrieval",
        unit="words",
        minimum=20,
        maximum=1000,
    )
    overlap: int = option(
        32,
        label="Overlap",
        why="Words of a passage that stand at the head of the next, so that no sentence loses what came before it.",
        group="retrieval",
        unit="words",
        minimum=0,
        maximum=500,
    )
    instruction: str = option(
        "Answer from these passages where they help.",
        label="Words before the passages",
        why="Stands before the passages in the user's turn; the question follows them.",
        group="retrieval",
        maximum=2000,
    )

    def __post_init__(self) -> None:
        check(self, "retrieval")
        if self.overlap >= self.chunk_words:
            raise SpecError(
                "retrieval.overlap",
                f"{self.overlap} words of overlap in passages of {self.chunk_words}",
                "Give an overlap smaller than a passage.",
            )


def prepare(options: Options, materials: Materials) -> Prompting:
    """Raises EngineError("Data") without documents, ("Model") without an embedding model where one is asked for."""
    index = materials.index(options.ranker, options.chunk_words, options.overlap)

    def ask(case: Case) -> Asked:
        found = index.best(case.prompt, options.k)
        return Asked(with_passages(case.messages, found, options.instruction), retrieved=tuple(found))

    return ask


def with_passages(
    messages: tuple[dict[str, Any], ...], passages: list[Passage], instruction: str
) -> tuple[dict[str, Any], ...]:
    """The conversation with the passages in its last user turn, before what the user said."""
    place = max((at for at, turn in enumerate(messages) if turn["role"] == "user"), default=-1)
    if place < 0 or not passages:
        return messages
    shown = "\n\n".join(f"[{number}] {passage.text}" for number, passage in enumerate(passages, 1))
    turn = {**messages[place], "content": f"{instruction}\n\n{shown}\n\n{messages[place]['content']}".lstrip()}
    return (*messages[:place], turn, *messages[place + 1 :])
