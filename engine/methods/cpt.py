"""Continual pre-training: next-token loss on all of raw text, in whole windows (Gururangan et al., arXiv
2004.10964)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.methods import sft
from engine.training.options import check, option

if TYPE_CHECKING:
    from engine.data.example import Example
    from engine.training.encoding import Rows
    from engine.training.parts import Parts
    from engine.training.spec import TrainingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    window_overlap: int = option(
        0,
        label="Overlap of windows",
        why="A text longer than the cutoff is read in windows; this many tokens are seen again as context of the next.",
        group="Continual pre-training",
        unit="tokens",
        minimum=0,
        maximum=16384,
    )

    def __post_init__(self) -> None:
        check(self, "method_options")


def encode_rows(examples: Iterable[tuple[int, Example]], tokenizer: Any, spec: TrainingSpec) -> Rows:
    """Texts in windows of the cutoff length, nothing cut away; tokens of an overlap are not trained twice."""
    from engine.training.encoding import IGNORED, Encoded, Rows, encode

    rows, size = Rows(), spec.training.cutoff_len
    step = max(1, size - spec.method_options.window_overlap)
    for line, example in examples:
        ids = encode(example, tokenizer, answers_only=False)[0].input_ids
        for start in range(0, max(1, len(ids)), step):
            window = ids[start : start + size]
            seen = size - step if start else 0
            if len(window) <= max(1, seen):
                if not start:
                    rows.unsupervised.append(line)
                break
            rows.encoded.append(Encoded(window, [IGNORED] * seen + window[seen:]))
    return rows


def build_trainer(parts: Parts) -> Any:
    """The trainer, ready to train: the same as SFT's, for the labels alone make the difference."""
    return sft.build_trainer(parts)
