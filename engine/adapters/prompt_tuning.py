"""Prompt tuning: trained embeddings in front of every input (Lester et al., arXiv 2104.08691), by peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.decision.shapes import ModelShape
from engine.training.options import check, option


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    virtual_tokens: int = option(
        20,
        label="Virtual tokens",
        why="How many embeddings are trained; each takes a place of the context in every request.",
        group="Prompt tuning",
        level="simple",
        unit="tokens",
        minimum=1,
        maximum=512,
    )

    def __post_init__(self) -> None:
        check(self, "adapter_options")


def count_trainable(shape: ModelShape, options: Options) -> int:
    """One embedding a virtual token."""
    return options.virtual_tokens * shape.hidden


def per_block(shape: ModelShape, options: Options) -> tuple[int, ...]:
    """None: they stand in front of the first."""
    return (0,) * shape.layers


def attach(model: Any, options: Options) -> Any:
    """Returns the model with virtual tokens in fp32, begun at embeddings of words, which learns faster than noise."""
    from peft import PromptTuningConfig, PromptTuningInit, get_peft_model

    config = PromptTuningConfig(
        num_virtual_tokens=options.virtual_tokens,
        prompt_tuning_init=PromptTuningInit.SAMPLE_VOCAB,
        task_type="CAUSAL_LM",
    )
    tuned = get_peft_model(model, config)
    tuned.prompt_encoder.float()
    return tuned
