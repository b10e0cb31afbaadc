"""Odds ratio preference optimisation: learning the chosen answer and shunning the rejected one in one step, without a
reference model (Hong et al., arXiv 2403.07691). The loss is the paper's; the library's trainer for it is experimental.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.training.options import check, option

if TYPE_CHECKING:
    from engine.data.example import Example
    from engine.training.checkpoints import Memory
    from engine.training.encoding import Rows
    from engine.training.plan import Plan
    from engine.training.spec import TrainingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    orpo_lambda: float = option(
        0.1,
        label="Lambda",
        why="The weight of shunning the rejected answer beside learning the chosen one.",
        group="Preference",
        level="simple",
        minimum=0.001,
        maximum=10.0,
    )

    def __post_init__(self) -> None:
        check(self, "method_options")


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
    """The trainer, ready to train."""
    from trl import DPOConfig

    from engine.training.arguments import common_arguments
    from engine.training.preferences import OddsTrainer, pairs

    arguments = DPOConfig(
        **common_arguments(spec.training, plan, run_dir),
        beta=spec.method_options.orpo_lambda,
        max_length=None,  # rows come encoded and cut
        precompute_ref_log_probs=True,  # keeps the library from loading a reference model, which this loss has not
    )
    return OddsTrainer(
        model=model,
        args=arguments,
        train_dataset=pairs(train),
        eval_dataset=pairs(validation) if validation else None,
        processing_class=tokenizer,
        plan=plan,
        memory=memory,
    )
