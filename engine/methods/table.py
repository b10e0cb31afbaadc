"""The table of training methods. A new method is one file beside this one and one row here.

Each file holds, in this order: its options dataclass ``Options``, ``encode_rows`` and ``build_trainer`` (torch).
The row holds what a page needs before anything heavy is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

from engine.adapters.table import ADAPTERS


@dataclass(frozen=True, slots=True)
class Method:
    key: str
    label: str
    when: str
    """In plain words: when is this the right one?"""
    data_shapes: tuple[str, ...]
    """Formats of ``engine.data.formats`` it trains on, the natural one first."""
    learning_rate: float
    """For full fine-tuning of a model of a billion parameters and more; adapters and size scale it."""
    path: str
    """Dotted path of its file, imported on use."""
    refuses: Mapping[str, str] = field(default_factory=dict)
    """Adapter key -> why the two do not combine."""

    def module(self) -> ModuleType:
        return import_module(self.path)

    def options(self) -> type[Any]:
        """The method's own options dataclass (its file imports torch only inside functions)."""
        found: type[Any] = self.module().Options
        return found


METHODS: dict[str, Method] = {
    method.key: method
    for method in (
        Method(
            key="sft",
            label="Supervised fine-tuning (SFT)",
            when=(
                "To teach a behaviour, a format or a style from examples of prompts with the answers you want. "
                "Not for facts that change: give those at question time (retrieval)."
            ),
            data_shapes=(
                "messages",
                "sharegpt",
                "prompt_completion",
                "alpaca",
                "classification",
                "evaluation",
                "slots",
                "preference",
                "text",
            ),
            learning_rate=2e-5,
            path="engine.methods.sft",
        ),
    )
}


def refusal(method: str, adapter: str) -> str:
    """Why a known method and a known adapter do not combine; empty when they do."""
    return METHODS[method].refuses.get(adapter) or ADAPTERS[adapter].refuses.get(method) or ""
