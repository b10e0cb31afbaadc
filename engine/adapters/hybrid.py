"""Hybrid: LoRA beside the lower blocks, and the last blocks trained whole, kept together in one adapter by peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.adapters import lora
from engine.decision.shapes import ModelShape, block_of
from engine.training.options import SpecError, option


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(lora.Options):
    unfrozen_blocks: int = option(
        2,
        label="Blocks trained whole",
        why="The last blocks, next to the answer, train with all their weights; LoRA goes beside the others.",
        group="Hybrid",
        level="simple",
        unit="blocks",
        minimum=1,
        maximum=1024,
    )


def lowest_whole(blocks: int, options: Options) -> int:
    """Number of the first block that trains whole. Raises SpecError when none would be left for LoRA."""
    if options.unfrozen_blocks >= blocks:
        raise SpecError(
            "adapter_options.unfrozen_blocks",
            f"the model has {blocks} blocks, so none would be left for LoRA",
            f"Give at most {blocks - 1}, or choose full fine-tuning.",
        )
    return blocks - options.unfrozen_blocks


def count_trainable(shape: ModelShape, options: Options) -> int:
    """LoRA below, every weight of the last blocks."""
    whole = lowest_whole(shape.layers, options)
    below = lora.count_trainable(shape, options) - sum(lora.per_block(shape, options)[whole:])
    return below + sum(shape.blocks[whole:])


def per_block(shape: ModelShape, options: Options) -> tuple[int, ...]:
    """The same by block."""
    whole = lowest_whole(shape.layers, options)
    return lora.per_block(shape, options)[:whole] + shape.blocks[whole:]


def attach(model: Any, options: Options) -> Any:
    """Returns the model with LoRA and the whole blocks in fp32; the rest is frozen as it is."""
    from peft import get_peft_model

    blocks = sorted({name for name, _ in model.named_modules() if block_of(name + ".") >= 0 and name[-1].isdigit()})
    whole = lowest_whole(len(blocks), options)
    last = [name for name in blocks if block_of(name) >= whole]
    config = lora.configure(
        options,
        modules_to_save=last,
        exclude_modules=f".*\\.({'|'.join(str(at) for at in range(whole, len(blocks)))})\\..*",
    )
    tuned = get_peft_model(model, config)
    for parameter in tuned.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return tuned
