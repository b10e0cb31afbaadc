"""The first rows of a file as a run would train them: real lengths, the share of tokens that is trained, and the rows
themselves. No torch, so that a page can ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from engine.data.errors import DataError
from engine.data.examples import iterate
from engine.data.mask import mask_text
from engine.errors import EngineError
from engine.methods.table import METHODS
from engine.training.encoding import IGNORED, Judged
from engine.training.light_tokenizer import light_tokenizer
from engine.training.spec import TrainingSpec

MOST_ROWS = 64
SHOWN_ROWS = 4
LONGEST_PART = 600
"""Characters; of a longer stretch the beginning and the end are told."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One sequence as the model sees it: ``parts`` are (text, is it trained) in order, personal data masked. ``side``
    is "chosen" or "rejected" for pairs."""

    tokens: int
    trained: int
    parts: tuple[tuple[str, bool], ...]
    side: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "tokens": self.tokens,
            "trained": self.trained,
            "side": self.side,
            "parts": [list(p) for p in self.parts],
        }


@dataclass(frozen=True, slots=True)
class Sample:
    """Of the first ``rows`` rows: mean and longest length in tokens (one answer a row), the share that is trained."""

    rows: int
    mean: float
    longest: int
    trained_share: float
    seen: tuple[Seen, ...]


def sample(spec: TrainingSpec) -> Sample | None:
    """None when nothing of the first rows can be read or trained; the run then says what is wrong with them.

    Raises EngineError("Model") when the model's tokenizer cannot be read without transformers.
    """
    tokenizer = light_tokenizer(Path(spec.model.path))
    shapes = METHODS[spec.method].data_shapes
    try:
        loaded = list(islice(iterate(Path(spec.data.train), spec.data.system_prompt, skip_unusable=True), MOST_ROWS))
        pairs = [(item.line, item.example) for item in loaded if item.example.shape in shapes]
        rows = METHODS[spec.method].module().encode_rows(pairs, tokenizer, spec).encoded
    except (EngineError, DataError, OSError):
        return None
    if not rows:
        return None
    return Sample(
        rows=len(loaded),
        mean=sum(row.length for row in rows) / len(rows),
        longest=max(row.length for row in rows),
        trained_share=sum(row.trained for row in rows) / max(1, sum(row.tokens for row in rows)),
        seen=tuple(islice((one for row in rows for one in _sequences(tokenizer, row)), SHOWN_ROWS)),
    )


def _sequences(tokenizer: Any, row: Any) -> Iterable[Seen]:
    if not isinstance(row, Judged):
        return [seen(tokenizer, row.input_ids, [label != IGNORED for label in row.labels])]
    sides = ("chosen", "rejected") if len(row.answers) == 2 else ("thumb up" if row.label else "thumb down",)
    return [
        seen(tokenizer, [*row.prompt, *answer], [False] * len(row.prompt) + [True] * len(answer), side)
        for side, answer in zip(sides, row.answers, strict=True)
    ]


def seen(tokenizer: Any, ids: list[int], trained: list[bool], side: str = "") -> Seen:
    """One sequence, its stretches of trained and of masked tokens as text."""
    parts = []
    for taught, run in groupby(zip(ids, trained, strict=True), key=lambda pair: pair[1]):
        parts.append((_bounded(mask_text(tokenizer.decode([token for token, _ in run]))), bool(taught)))
    return Seen(len(ids), sum(trained), tuple(parts), side)


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_PART:
        return text
    head, tail = LONGEST_PART * 2 // 3, LONGEST_PART // 3
    return f"{text[:head]} … ({len(text) - head - tail:,} more characters) … {text[-tail:]}"
