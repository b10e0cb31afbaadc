"""Full fine-tuning: every weight trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.decision.shapes import ModelShape


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """None of its own."""


def count_trainable(shape: ModelShape, options: Options) -> int:
    """All parameters, tied ones once."""
    return shape.parameters


def per_block(shape: ModelShape, options: Options) -> tuple[int, ...]:
    """Of them, those in each block."""
    return shape.blocks


def attach(model: Any, options: Options) -> Any:
    """Returns the model with all weights trainable, in fp32: steps of a fine-tuning rate would round away in bf16."""
    model = model.float()
    model.requires_grad_(True)
    return model
