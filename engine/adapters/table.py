"""The table of adapters: which weights train. A new adapter is one file beside this one and one row here.

Each file holds, in this order: its options dataclass ``Options``, ``count_trainable`` and ``per_block`` (no torch),
``attach`` (torch).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

ALL_LINEAR = "all-linear"
"""As target modules of LoRA: every linear layer but the output head."""


@dataclass(frozen=True, slots=True)
class Adapter:
    key: str
    label: str
    when: str
    learning_rate_factor: float
    """What the method's rate for full fine-tuning is multiplied by."""
    small_model_factor: float
    """The same again for models under 500 million parameters (measured on one of 135 million)."""
    trains_base: bool
    """Whether base weights train: they are then kept in fp32 while training, and saved whole."""
    path: str
    usual: bool = False
    """One of the few to think of first; the form folds the others away."""
    switches_off: bool = True
    """Whether the base model is had back by switching the adapter off (peft does; a second copy is needed else)."""
    packs_base: bool = False
    """Whether the frozen weights are held in 4 bits; its file then has ``base_bytes`` and ``quantization``."""
    stays_apart: str = ""
    """Why it cannot be folded into the weights of its base model; empty when it can."""
    refuses: Mapping[str, str] = field(default_factory=dict)
    """Method key -> why the two do not combine."""
    refuses_settings: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    """Name in TrainingOptions -> the value that does not combine with it, and why."""

    def module(self) -> ModuleType:
        return import_module(self.path)

    def options(self) -> type[Any]:
        """The adapter's own options dataclass (its file imports torch and peft only inside functions)."""
        found: type[Any] = self.module().Options
        return found


_TOO_SMALL_FOR_TEXT = (
    "it steers what the model already knows by a few thousand weights; the language of a domain needs more of them."
)
_BESIDE_NEIGHBOURS = (
    "packed rows share one sequence, and trained tokens stand in front of the first of them only: the others would "
    "learn without them."
)

ADAPTERS: dict[str, Adapter] = {
    adapter.key: adapter
    for adapter in (
        Adapter(
            key="lora",
            label="LoRA",
            when=(
                "Nearly always first: trains about one weight in a hundred, beside the frozen model. Small files, "
                "less forgetting, several can share one base model."
            ),
            learning_rate_factor=10.0,
            small_model_factor=10.0,
            trains_base=False,
            path="engine.adapters.lora",
            usual=True,
        ),
        Adapter(
            key="qlora",
            label="QLoRA (4 bits)",
            when=(
                "When LoRA does not fit into memory: the frozen model is held in 4 bits, a quarter of its size, at a "
                "slower step and slightly coarser weights."
            ),
            learning_rate_factor=10.0,
            small_model_factor=10.0,
            trains_base=False,
            packs_base=True,
            refuses_settings={
                "sharding": ("full", "weights of 4 bits are packed into bytes, which cannot be parted row by row.")
            },
            path="engine.adapters.qlora",
            usual=True,
        ),
        Adapter(
            key="full",
            label="Full fine-tuning",
            when=(
                "When LoRA at a higher rank still falls short and there are thousands of rows. Trains and stores every "
                "weight, so it needs several times the memory."
            ),
            learning_rate_factor=1.0,
            small_model_factor=5.0,
            trains_base=True,
            path="engine.adapters.full",
            switches_off=False,
            usual=True,
        ),
        Adapter(
            key="partial",
            label="Partial fine-tuning",
            when=(
                "When full fine-tuning forgets too much or needs too much memory: the lower half, the norms or the "
                "biases alone stay or train. Stores every weight."
            ),
            learning_rate_factor=1.0,
            small_model_factor=5.0,
            trains_base=True,
            path="engine.adapters.partial",
            switches_off=False,
        ),
        Adapter(
            key="hybrid",
            label="LoRA and last blocks",
            when=(
                "Between LoRA and full fine-tuning: the last blocks train whole, LoRA goes beside the others. For "
                "answers that must change a lot while most of the model stays."
            ),
            learning_rate_factor=2.5,
            small_model_factor=8.0,
            trains_base=False,
            path="engine.adapters.hybrid",
        ),
        Adapter(
            key="bottleneck",
            label="Bottleneck adapters",
            when=(
                "Small networks between frozen layers: learns like LoRA with fewer choices to make, but cannot be "
                "merged, so answers take a little longer."
            ),
            learning_rate_factor=25.0,
            small_model_factor=4.0,
            trains_base=False,
            path="engine.adapters.bottleneck",
            stays_apart=(
                "Bottleneck adapters compute beside the model's layers, with a curve between two matrices: no change "
                "of the weights does the same. Export the adapter, and use it in this workbench."
            ),
            switches_off=False,
        ),
        Adapter(
            key="prompt_tuning",
            label="Prompt tuning",
            when=(
                "The smallest file there is: a few trained embeddings in front of every prompt. Reaches the others "
                "only with models of billions of parameters, and learns slowly."
            ),
            learning_rate_factor=1500.0,
            small_model_factor=1.0,
            trains_base=False,
            path="engine.adapters.prompt_tuning",
            refuses={"cpt": _TOO_SMALL_FOR_TEXT},
            refuses_settings={"packing": (True, _BESIDE_NEIGHBOURS)},
            stays_apart=(
                "What was trained stands in front of each prompt, not in the weights, so there is nothing to fold in. "
                "Export the adapter, and load it with peft beside the base model."
            ),
        ),
        Adapter(
            key="prefix_tuning",
            label="Prefix tuning",
            when=(
                "Like prompt tuning, with trained keys and values in every layer: learns more of a narrow task, such "
                "as one kind of summary, and takes context from every request."
            ),
            learning_rate_factor=500.0,
            small_model_factor=1.0,
            trains_base=False,
            path="engine.adapters.prefix_tuning",
            refuses={"cpt": _TOO_SMALL_FOR_TEXT},
            refuses_settings={
                "packing": (True, _BESIDE_NEIGHBOURS),
                "gradient_checkpointing": (
                    "on",
                    "the prefix is handed over as a cache of keys and values, which blocks that are computed twice "
                    "would extend twice.",
                ),
            },
            stays_apart=(
                "What was trained are keys and values that stand before each prompt, not weights, so there is nothing "
                "to fold in. Export the adapter, and load it with peft beside the base model."
            ),
        ),
        Adapter(
            key="ia3",
            label="IA3",
            when=(
                "When hundreds of tuned versions are kept: scales a few activations, a tenth of the weights LoRA "
                "trains. For small shifts of behaviour."
            ),
            learning_rate_factor=150.0,
            small_model_factor=2.0,
            trains_base=False,
            path="engine.adapters.ia3",
            refuses={"cpt": _TOO_SMALL_FOR_TEXT},
        ),
    )
}
