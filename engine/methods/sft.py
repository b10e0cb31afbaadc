"""Supervised fine-tuning: next-token loss on the answers, by trl's SFTTrainer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.data.example import Example
    from engine.training.checkpoints import Memory
    from engine.training.encoding import Rows
    from engine.training.plan import Plan
    from engine.training.spec import TrainingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """None of its own; what is trained of each row stands in TrainingOptions."""


def encode_rows(examples: Iterable[tuple[int, Example]], tokenizer: Any, spec: TrainingSpec) -> Rows:
    """Rows as token ids and labels; the answers alone are trained unless the options say otherwise."""
    from engine.training.encoding import encode_rows as encode

    options = spec.training
    return encode(examples, tokenizer, cutoff_len=options.cutoff_len, answers_only=options.train_on_answers_only)


def build_trainer(
    model: Any,
    tokenizer: Any,
    train: Rows,
    validation: Rows | None,
    spec: TrainingSpec,
    plan: Plan,
    memory: Memory,
    run_dir: Path,
    kind: type[Any] | None = None,
) -> Any:
    """The trainer, ready to train; ``kind`` is a subclass of AnswerTrainer with a loss of its own."""
    from trl import SFTConfig

    from engine.training.arguments import common_arguments
    from engine.training.trainer import AnswerTrainer

    arguments = SFTConfig(
        **common_arguments(spec.training, plan, run_dir),
        # Rows come encoded and cut; the trainer's own cutting is needed only to fill packed sequences.
        max_length=spec.training.cutoff_len if spec.training.packing else None,
        packing=spec.training.packing,
        eval_packing=False,
    )
    return (kind or AnswerTrainer)(
        model=model,
        args=arguments,
        train_dataset=_dataset(train),
        eval_dataset=_dataset(validation) if validation else None,
        processing_class=tokenizer,
        plan=plan,
        memory=memory,
    )


def _dataset(rows: Rows) -> Any:
    from datasets import Dataset

    return Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows.encoded])
