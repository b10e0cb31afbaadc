"""Partial fine-tuning: some of the model's own weights train and the rest is frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.decision.shapes import ModelShape, block_of
from engine.training.options import SpecError, check, option


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    trained_part: str = option(
        "blocks",
        label="What trains",
        why="Blocks: all but the first ones and the embeddings. Norms or biases alone change little and forget little.",
        group="Partial",
        level="simple",
        choices=(("blocks", "The upper blocks"), ("norms", "Norms only"), ("biases", "Biases only")),
    )
    frozen_blocks: int | None = option(
        None,
        label="Blocks frozen",
        why="How many of the first blocks stay as they are. Empty: half of them. Only with the upper blocks.",
        group="Partial",
        level="simple",
        unit="blocks",
        minimum=0,
        maximum=1024,
    )

    def __post_init__(self) -> None:
        check(self, "adapter_options")


def lowest_trained(blocks: int, options: Options) -> int:
    """Number of the first block that trains. Raises SpecError when none would."""
    frozen = blocks // 2 if options.frozen_blocks is None else options.frozen_blocks
    if frozen >= blocks:
        raise SpecError(
            "adapter_options.frozen_blocks",
            f"the model has {blocks} blocks, so nothing would train",
            f"Give at most {blocks - 1}.",
        )
    return frozen


def count_trainable(shape: ModelShape, options: Options) -> int:
    """Exact: the chosen blocks, or all norm weights (BitFit, arXiv 2106.10199, for biases).

    Raises SpecError for biases in a model that has none.
    """
    if options.trained_part == "norms":
        return shape.norms
    if options.trained_part == "biases":
        if not shape.biases:
            raise _no_biases()
        return shape.biases
    return sum(shape.blocks[lowest_trained(shape.layers, options) :])


def per_block(shape: ModelShape, options: Options) -> tuple[int, ...]:
    """Of them, those in each block; the last norm is in none."""
    if options.trained_part == "norms":
        return shape.block_norms
    if options.trained_part == "biases":
        return shape.block_biases
    lowest = lowest_trained(shape.layers, options)
    return (0,) * lowest + shape.blocks[lowest:]


def attach(model: Any, options: Options) -> Any:
    """Returns the model in fp32 with the chosen part trainable. Raises SpecError as ``count_trainable`` does."""
    model = model.float()
    model.requires_grad_(False)
    names = [name for name, _ in model.named_parameters()]
    if options.trained_part == "blocks":
        lowest = lowest_trained(1 + max(map(block_of, names)), options)
        chosen = {name for name in names if block_of(name) >= lowest}
    elif options.trained_part == "biases":
        chosen = {name for name in names if name.endswith(".bias")}
        if not chosen:
            raise _no_biases()
    else:
        chosen = {name for name, parameter in model.named_parameters() if _is_norm(name, parameter)}
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name in chosen
    return model


def _is_norm(name: str, parameter: Any) -> bool:
    return name.endswith(".weight") and parameter.dim() == 1


def _no_biases() -> SpecError:
    return SpecError(
        "adapter_options.trained_part", "this model has no biases", "Choose the upper blocks or the norms."
    )
