"""Supervised fine-tuning: next-token loss on the answers, by trl's SFTTrainer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.data.example import Example
    from engine.training.encoding import Rows
    from engine.training.parts import Parts
    from engine.training.spec import TrainingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """None of its own; what is trained of each row stands in TrainingOptions."""


def encode_rows(examples: Iterable[tuple[int, Example]], tokenizer: Any, spec: TrainingSpec) -> Rows:
    """Rows as token ids and labels; the answers alone are trained unless the options say otherwise."""
    from engine.training.encoding import encode_rows as encode

    options = spec.training
    return encode(examples, tokenizer, cutoff_len=options.cutoff_len, answers_only=options.train_on_answers_only)


def build_trainer(parts: Parts, kind: type[Any] | None = None) -> Any:
    """The trainer, ready to train; ``kind`` is a subclass of AnswerTrainer with a loss of its own."""
    from trl import SFTConfig

    from engine.training.trainer import AnswerTrainer

    training = parts.spec.training
    arguments = SFTConfig(
        **parts.arguments(),
        # Rows come encoded and cut; the trainer's own cutting is needed only to fill packed sequences.
        max_length=training.cutoff_len if training.packing else None,
        packing=training.packing,
        eval_packing=False,
    )
    validation = _dataset(parts.validation) if parts.validation else None
    return parts.build(kind or AnswerTrainer, arguments, _dataset(parts.train), validation)


def _dataset(rows: Rows) -> Any:
    from datasets import Dataset

    return Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows.encoded])
