"""Direct preference optimisation (Rafailov et al., arXiv 2305.18290) and its variants, by trl's DPOTrainer."""

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

_LOSSES = (
    ("sigmoid", "DPO"),
    ("ipo", "IPO"),
    ("hinge", "Hinge (SLiC)"),
    ("robust", "Robust DPO"),
    ("exo_pair", "EXO"),
    ("nca_pair", "NCA"),
    ("sppo_hard", "SPPO"),
    ("apo_zero", "APO-zero"),
    ("apo_down", "APO-down"),
    ("discopop", "DiscoPOP"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    dpo_beta: float = option(
        0.1,
        label="Beta",
        why="How strongly the model is held to what it was: lower moves further, and forgets more.",
        group="Preference",
        level="simple",
        minimum=0.001,
        maximum=10.0,
    )
    dpo_loss: str = option(
        "sigmoid",
        label="Preference loss",
        why="IPO resists learning few pairs by heart; robust DPO expects some wrong labels; the rest are variants.",
        group="Preference",
        choices=_LOSSES,
    )
    label_smoothing: float = option(
        0.0,
        label="Share of wrong labels",
        why="What share of the pairs is thought to be the wrong way round. For robust DPO and EXO (there above 0).",
        group="Preference",
        minimum=0.0,
        maximum=0.49,
    )

    def __post_init__(self) -> None:
        check(self, "method_options")
        if self.dpo_loss == "exo_pair" and not self.label_smoothing:
            raise SpecError("method_options.label_smoothing", "0 with EXO", "Give 0.001, as its paper does.")


def encode_rows(examples: Iterable[tuple[int, Example]], tokenizer: Any, spec: TrainingSpec) -> Rows:
    """Prompt, chosen and rejected answer as token ids; earlier answers are part of the prompt."""
    from engine.training.judged import encode_pairs

    return encode_pairs(examples, tokenizer, spec.training.cutoff_len)


def build_trainer(parts: Parts) -> Any:
    """The trainer, ready to train. The reference is the base model: the adapter switched off, or a second copy."""
    from trl import DPOConfig

    from engine.training.preferences import PairTrainer, pairs

    options: Options = parts.spec.method_options
    arguments = DPOConfig(
        **parts.arguments(),
        beta=options.dpo_beta,
        loss_type=[options.dpo_loss],
        label_smoothing=options.label_smoothing,
        max_length=None,  # rows come encoded and cut
    )
    validation = pairs(parts.validation) if parts.validation else None
    return parts.build(PairTrainer, arguments, pairs(parts.train), validation)
