"""Kahneman-Tversky optimisation: answers with a thumb up or down (Ethayarajh et al., arXiv 2402.01306), by trl."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.training.options import SpecError, check, option

if TYPE_CHECKING:
    from engine.data.example import Example
    from engine.training.encoding import Rows
    from engine.training.parts import Parts
    from engine.training.spec import TrainingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    kto_beta: float = option(
        0.1,
        label="Beta",
        why="How strongly the model is held to what it was: lower moves further, and forgets more.",
        group="Preference",
        level="simple",
        minimum=0.001,
        maximum=10.0,
    )
    desirable_weight: float = option(
        1.0,
        label="Weight of thumbs up",
        why="Raise it when there are fewer of them: weight times rows should be near to equal on both sides.",
        group="Preference",
        minimum=0.01,
        maximum=100.0,
    )
    undesirable_weight: float = option(
        1.0,
        label="Weight of thumbs down",
        why="The same for the other side.",
        group="Preference",
        minimum=0.01,
        maximum=100.0,
    )

    def __post_init__(self) -> None:
        check(self, "method_options")


def check_spec(spec: TrainingSpec) -> None:
    """Raises SpecError for a batch of one: the rows of a batch are each other's reference point."""
    if spec.training.per_device_train_batch_size < 2:
        raise SpecError(
            "training.per_device_train_batch_size",
            "KTO compares the rows of a batch with each other",
            "Give 2 or more.",
        )


def encode_rows(examples: Iterable[tuple[int, Example]], tokenizer: Any, spec: TrainingSpec) -> Rows:
    """Prompt, answer and thumb; a preference row gives two."""
    from engine.training.judged import encode_thumbs

    return encode_thumbs(examples, tokenizer, spec.training.cutoff_len)


def build_trainer(parts: Parts) -> Any:
    """The trainer, ready to train. The reference is the base model: the adapter switched off, or a second copy."""
    from trl import KTOConfig

    from engine.training.preferences import ThumbTrainer, thumbs

    options: Options = parts.spec.method_options
    batch, seed = parts.spec.training.per_device_train_batch_size, parts.spec.training.seed
    arguments = KTOConfig(
        **parts.arguments(),
        beta=options.kto_beta,
        desirable_weight=options.desirable_weight,
        undesirable_weight=options.undesirable_weight,
        max_length=None,  # rows come encoded and cut
        train_sampling_strategy="sequential",
    )
    validation = thumbs(parts.validation, batch, seed) if parts.validation else None
    return parts.build(ThumbTrainer, arguments, thumbs(parts.train, batch, seed), validation)
