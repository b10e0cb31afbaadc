"""Odds ratio preference optimisation: learning the chosen answer and shunning the rejected one in one step, without a
reference model (Hong et al., arXiv 2403.07691). The loss is the paper's; the library's trainer for it is experimental.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.training.options import check, option

if TYPE_CHECKING:
    from engine.data.example import Example
    from engine.training.encoding import Rows
    from engine.training.parts import Parts
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


def build_trainer(parts: Parts) -> Any:
    """The trainer, ready to train."""
    from trl import DPOConfig

    from engine.training.preferences import OddsTrainer, pairs

    arguments = DPOConfig(
        **parts.arguments(),
        beta=parts.spec.method_options.orpo_lambda,
        max_length=None,  # rows come encoded and cut
        precompute_ref_log_probs=True,  # keeps the library from loading a reference model, which this loss has not
    )
    validation = pairs(parts.validation) if parts.validation else None
    return parts.build(OddsTrainer, arguments, pairs(parts.train), validation)
