"""The table of adapters: which weights train. A new adapter is one file beside this one and one row here.

Each file holds, in this order: its options dataclass ``Options``, ``count_trainable`` (no torch), ``attach`` (torch).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any


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
    refuses: Mapping[str, str] = field(default_factory=dict)
    """Method key -> why the two do not combine."""

    def module(self) -> ModuleType:
        return import_module(self.path)

    def options(self) -> type[Any]:
        """The adapter's own options dataclass (its file imports torch and peft only inside functions)."""
        found: type[Any] = self.module().Options
        return found


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
        ),
    )
}
