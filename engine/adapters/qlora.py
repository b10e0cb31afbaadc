"""QLoRA: LoRA beside a base model held in 4 bits (NF4; Dettmers et al., arXiv 2305.14314), by bitsandbytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.adapters import lora
from engine.decision.shapes import ModelShape
from engine.training.options import option

BITS = 4.5
"""A weight's share of memory: 4 bits and a quantised scale for each 64 of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(lora.Options):
    double_quant: bool = option(
        True,
        label="Double quantisation",
        why="Quantises the scales too: about 0.4 bits a weight less, with no loss measured in the paper.",
        group="QLoRA",
    )


def count_trainable(shape: ModelShape, options: Options) -> int:
    """As LoRA: the 4-bit weights do not train."""
    return lora.count_trainable(shape, options)


def per_block(shape: ModelShape, options: Options) -> tuple[int, ...]:
    """As LoRA."""
    return lora.per_block(shape, options)


def base_bytes(shape: ModelShape, options: Options, unit: int) -> int:
    """Memory of the frozen weights in bytes: linear layers in 4 bits, all else in ``unit`` bytes a weight."""
    packed = shape.matrix_parameters
    return int(packed * BITS / 8) + (shape.parameters - packed) * unit


def quantization(options: Options, compute: Any) -> Any:
    """How the base model is loaded; products are computed in ``compute``, a torch dtype."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=options.double_quant,
        bnb_4bit_compute_dtype=compute,
    )


def attach(model: Any, options: Options) -> Any:
    """Returns the quantised model with LoRA in fp32 beside its chosen layers."""
    for module in model.modules():
        # On a processor the library repacks weights at the first measurement, with coarser scales: the weights would
        # change between two evaluations of one run.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return lora.attach(model, options)
