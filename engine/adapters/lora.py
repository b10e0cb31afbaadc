"""LoRA: a trained low-rank matrix pair beside each chosen linear layer (Hu et al., arXiv 2106.09685), by peft."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from engine.adapters.table import ALL_LINEAR
from engine.decision.shapes import Linear, ModelShape, block_of
from engine.training.options import SpecError, check, option


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    lora_rank: int = option(
        16,
        label="LoRA rank",
        why="The width of the trained matrices: more can learn more, and costs memory and forgets more.",
        group="LoRA",
        level="simple",
        minimum=1,
        maximum=1024,
    )
    lora_alpha: int | None = option(
        None,
        label="LoRA alpha",
        why="Scales what LoRA adds (alpha / rank). Empty: twice the rank.",
        group="LoRA",
        minimum=1,
        maximum=4096,
    )
    lora_dropout: float = option(
        0.05,
        label="LoRA dropout",
        why="Switches off this share of the inputs while training, against learning small sets by heart.",
        group="LoRA",
        minimum=0.0,
        maximum=0.9,
    )
    target_modules: str = option(
        ALL_LINEAR,
        label="Target modules",
        why="Which layers get a pair: all-linear, or names with commas, such as q_proj, v_proj.",
        group="LoRA",
    )
    use_rslora: bool = option(
        False,
        label="rsLoRA",
        why="Scales by alpha / √rank (arXiv 2312.03732), so that ranks of 64 and more still learn steadily.",
        group="LoRA",
    )
    use_dora: bool = option(
        False,
        label="DoRA",
        why="Trains a magnitude for each output besides (arXiv 2402.09353): nearer to full tuning, and slower.",
        group="LoRA",
    )

    def __post_init__(self) -> None:
        check(self, "adapter_options")
        if not self.target_names and self.target_modules.strip() != ALL_LINEAR:
            raise SpecError("adapter_options.target_modules", "empty", f"Give {ALL_LINEAR}, or names with commas.")
        for name in self.target_names:
            if not re.fullmatch(r"[A-Za-z0-9_.]+", name):
                raise SpecError(
                    "adapter_options.target_modules", f"{name!r} is no layer name", "Use names such as q_proj."
                )

    @property
    def alpha(self) -> int:
        return self.lora_alpha or 2 * self.lora_rank

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the chosen layers; empty for all linear ones."""
        if self.target_modules.strip() == ALL_LINEAR:
            return ()
        return tuple(name.strip() for name in self.target_modules.split(",") if name.strip())


def chosen(shape: ModelShape, options: Options) -> tuple[Linear, ...]:
    """The linear layers that get a pair, as peft matches them: by whole last parts of the dotted name.

    Raises SpecError when a name matches no layer, or the output head (which trl's trainer cannot train by LoRA).
    """
    names = options.target_names
    if not names:
        return tuple(layer for layer in shape.linears if not layer.is_head)
    for name in names:
        if not any(_matches(layer, name) for layer in shape.linears):
            known = ", ".join(sorted({layer.name.rpartition(".")[2] for layer in shape.linears if not layer.is_head}))
            raise SpecError(
                "adapter_options.target_modules", f"the model has no linear layer {name!r}", f"It has: {known}."
            )
    layers = tuple(layer for layer in shape.linears if any(_matches(layer, name) for name in names))
    if any(layer.is_head for layer in layers):
        raise SpecError("adapter_options.target_modules", "the output head cannot take LoRA", "Leave lm_head out.")
    return layers


def _matches(layer: Linear, name: str) -> bool:
    return layer.name == name or layer.name.endswith("." + name)


def count_trainable(shape: ModelShape, options: Options) -> int:
    """Trained parameters: rank x (inputs + outputs) for each chosen layer; DoRA adds one an output."""
    return sum(count_pair(layer, options) for layer in chosen(shape, options))


def per_block(shape: ModelShape, options: Options) -> tuple[int, ...]:
    """Of them, those in each block."""
    found = [0] * shape.layers
    for layer in chosen(shape, options):
        if (block := block_of(layer.name)) >= 0:
            found[block] += count_pair(layer, options)
    return tuple(found)


def count_pair(layer: Linear, options: Options) -> int:
    """Trained parameters beside one layer."""
    return options.lora_rank * (layer.inputs + layer.outputs) + (layer.outputs if options.use_dora else 0)


def attach(model: Any, options: Options) -> Any:
    """Returns the model with LoRA beside the chosen layers: base weights as they are and frozen, LoRA in fp32."""
    from peft import get_peft_model

    return get_peft_model(model, configure(options))


def configure(options: Options, **more: Any) -> Any:
    """peft's configuration; ``more`` are further fields of it."""
    from peft import LoraConfig

    return LoraConfig(
        r=options.lora_rank,
        lora_alpha=options.alpha,
        lora_dropout=options.lora_dropout,
        target_modules=list(options.target_names) or ALL_LINEAR,
        use_rslora=options.use_rslora,
        use_dora=options.use_dora,
        bias="none",
        task_type="CAUSAL_LM",
        **more,
    )
