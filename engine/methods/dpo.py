"""Direct preference optimisation (Rafailov et al., arXiv 2305.18290) and its variants, by trl's DPOTrainer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.training.options import SpecError, check, option

if TYPE_CHECKING:
    from engine.data.example import Example
    from engine.training.checkpoints import Memory
    from engine.training.encoding import Rows
    from engine.training.plan import Plan
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


def build_trainer(
    model: Any,
    tokenizer: Any,
    train: Rows,
    validation: Rows | None,
    spec: TrainingSpec,
    plan: Plan,
    memory: Memory,
    run_dir: Path,
) -> Any:
    """The trainer, ready to train. The reference is the base model: the adapter switched off, or a second copy."""
    from trl import DPOConfig

    from engine.training.arguments import common_arguments
    from engine.training.preferences import PairTrainer, pairs

    options: Options = spec.method_options
    arguments = DPOConfig(
        **common_arguments(spec.training, plan, run_dir),
        beta=options.dpo_beta,
        loss_type=[options.dpo_loss],
        label_smoothing=options.label_smoothing,
        max_length=None,  # rows come encoded and cut
    )
    return PairTrainer(
        model=model,
        args=arguments,
        train_dataset=pairs(train),
        eval_dataset=pairs(validation) if validation else None,
        processing_class=tokenizer,
        plan=plan,
        memory=memory,
    )
