"""Prefix tuning: trained keys and values in front of every layer's own (Li and Liang, arXiv 2101.00190), by peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.decision.shapes import ModelShape
from engine.training.options import check, option


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    prefix_tokens: int = option(
        20,
        label="Prefix length",
        why="How many keys and values each layer gets; they are read at every token.",
        group="Prefix tuning",
        level="simple",
        unit="tokens",
        minimum=1,
        maximum=512,
    )

    def __post_init__(self) -> None:
        check(self, "adapter_options")


def count_trainable(shape: ModelShape, options: Options) -> int:
    """A key and a value a layer for each prefix token."""
    return sum(per_block(shape, options))


def per_block(shape: ModelShape, options: Options) -> tuple[int, ...]:
    """The same by block."""
    return (options.prefix_tokens * 2 * shape.key_value,) * shape.layers


def attach(model: Any, options: Options) -> Any:
    """Returns the model with a prefix in fp32."""
    from peft import PrefixTuningConfig, get_peft_model

    tuned = get_peft_model(model, PrefixTuningConfig(num_virtual_tokens=options.prefix_tokens, task_type="CAUSAL_LM"))
    tuned.prompt_encoder.float()
    return tuned
