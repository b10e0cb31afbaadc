"""Distillation by soft labels: the student learns the teacher's whole distribution beside the right answers (Hinton et
al., arXiv 1503.02531). Letting the teacher write answers to train on is a matter of data: draft rows, then SFT.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
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
    temperature: float = option(
        2.0,
        label="Temperature",
        why="Softens both distributions, so that what the teacher thinks nearly right teaches too.",
        group="Distillation",
        level="simple",
        minimum=0.1,
        maximum=20.0,
    )
    alpha: float = option(
        0.5,
        label="Weight of the teacher",
        why="The share of the loss that follows the teacher; the rest follows the answers in the data.",
        group="Distillation",
        level="simple",
        minimum=0.0,
        maximum=1.0,
    )

    def __post_init__(self) -> None:
        check(self, "method_options")


def encode_rows(examples: Iterable[tuple[int, Example]], tokenizer: Any, spec: TrainingSpec) -> Rows:
    """As SFT: the distributions are compared where an answer is trained."""
    return sft.encode_rows(examples, tokenizer, spec)


def build_trainer(parts: Parts) -> Any:
    """The trainer with its teacher loaded. Raises EngineError("Model") when the two do not write the same tokens."""
    from engine.training.distilling import DistillationTrainer, load_teacher

    assert parts.spec.teacher is not None  # the specification asks for one
    teacher = load_teacher(Path(parts.spec.teacher.path), parts.tokenizer, parts.plan)
    options: Options = parts.spec.method_options
    trainer = sft.build_trainer(parts, kind=DistillationTrainer)
    trainer.learn_from(teacher, temperature=options.temperature, alpha=options.alpha)
    return trainer
