"""IA3: one trained factor for each key, value and inner feed-forward activation (Liu et al., arXiv
2205.05638), by peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.decision.shapes import Linear, ModelShape, block_of
from engine.training.options import SpecError

# Where the factors go, by the names the two families of decoders use: (scaled outputs, scaled inputs).
_PLACES = ((("k_proj", "v_proj"), ("down_proj",)), (("c_attn",), ("mlp.c_proj",)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """None of its own: the paper's places."""


def places(names: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(layers whose outputs are scaled, layers whose inputs are) among modules of these dotted names.

    Raises SpecError for an architecture that has neither family's layers.
    """
    for outputs, inputs in _PLACES:
        if all(any(name.endswith("." + end) for name in names) for end in (*outputs, *inputs)):
            return outputs, inputs
    raise SpecError("adapter", "this architecture has no layers IA3 knows", "Choose LoRA.")


def count_trainable(shape: ModelShape, options: Options) -> int:
    """One factor for each output of keys and values, and for each input of the feed-forward's second layer."""
    return sum(per_block(shape, options))


def per_block(shape: ModelShape, options: Options) -> tuple[int, ...]:
    """The same by block."""
    outputs, inputs = places([layer.name for layer in shape.linears])
    found = [0] * shape.layers
    for layer in shape.linears:
        if _ends(layer, outputs + inputs):
            found[block_of(layer.name)] += layer.outputs if _ends(layer, outputs) else layer.inputs
    return tuple(found)


def _ends(layer: Linear, ends: tuple[str, ...]) -> bool:
    return any(layer.name.endswith("." + end) for end in ends)


def attach(model: Any, options: Options) -> Any:
    """Returns the model with factors, all 1 at first, in fp32."""
    from peft import IA3Config, get_peft_model

    outputs, inputs = places([name for name, _ in model.named_modules()])
    config = IA3Config(
        target_modules=[*outputs, *inputs],
        feedforward_modules=list(inputs),
        fan_in_fan_out=outputs == ("c_attn",),
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)
