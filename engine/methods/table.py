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
    needs_teacher: bool = False
    needs_reference: bool = False
    """Whether what is learned is measured against the model as it was, which then runs beside it."""
    answers: int = 1
    """Answers of a row that go through the model side by side."""
    refuses_settings: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    """Name in TrainingOptions -> the value that does not combine with it, and why."""
    settles: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    """Name in TrainingOptions -> what it amounts to whatever is asked for, and why."""
    charts: Mapping[str, str] = field(default_factory=dict)
    """What it measures besides its loss: name in a metric event -> words. One that ends in _accuracy is a share."""

    def module(self) -> ModuleType:
        return import_module(self.path)

    def options(self) -> type[Any]:
        """The method's own options dataclass (its file imports torch only inside functions)."""
        found: type[Any] = self.module().Options
        return found

    def check(self, spec: Any) -> None:
        """What its options alone cannot see. Raises SpecError where the whole specification cannot be run."""
        ask = getattr(self.module(), "check_spec", None)
        if ask is not None:
            ask(spec)


_JUDGED = {
    "reward_margin": "Reward margin, chosen over rejected",
    "reward_accuracy": "Pairs ranked rightly",
    "reward_chosen": "Reward of chosen answers",
    "reward_rejected": "Reward of rejected answers",
}

_WHOLE_ROWS: Mapping[str, tuple[Any, str]] = {
    "packing": (True, "whole rows are compared with one another, so each keeps a sequence of its own.")
}
_ANSWERS: Mapping[str, tuple[Any, str]] = {
    "train_on_answers_only": (True, "answers are what is compared; prompts are never trained.")
}

METHODS: dict[str, Method] = {
    method.key: method
    for method in (
        Method(
            key="sft",
            label="Supervised fine-tuning (SFT)",
            when=(
                "To teach a behaviour, a format or a style from examples of prompts with the answers you want. With "
                "rows of many kinds of tasks it is instruction tuning. Not for facts that change: give those at "
                "question time (retrieval)."
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
        Method(
            key="cpt",
            label="Continual pre-training (CPT)",
            when=(
                "To teach the language of a domain (its words, style and forms) from thousands of raw texts, before "
                "SFT. Not for looking facts up: give those at question time (retrieval)."
            ),
            data_shapes=("text",),
            learning_rate=5e-6,
            path="engine.methods.cpt",
            settles={"train_on_answers_only": (False, "raw text has no answers; all of it is trained.")},
        ),
        Method(
            key="dpo",
            label="Preference tuning (DPO)",
            when=(
                "To teach taste: which of two answers is better, when both are right. Needs pairs of chosen and "
                "rejected answers, and a model that already does the task (SFT first)."
            ),
            data_shapes=("preference",),
            learning_rate=5e-7,
            path="engine.methods.dpo",
            needs_reference=True,
            answers=2,
            charts=_JUDGED,
            refuses_settings=_WHOLE_ROWS,
            settles=_ANSWERS,
        ),
        Method(
            key="orpo",
            label="SFT and preference in one (ORPO)",
            when=(
                "To learn a task and the taste for it at once from chosen and rejected answers, without a reference "
                "model: half the memory of DPO on all weights."
            ),
            data_shapes=("preference",),
            learning_rate=8e-7,
            path="engine.methods.orpo",
            answers=2,
            charts=_JUDGED,
            refuses_settings=_WHOLE_ROWS,
            settles=_ANSWERS,
        ),
        Method(
            key="kto",
            label="Thumbs up and down (KTO)",
            when=(
                "To learn from single answers with a thumb, as users of a product leave them: no pairs are needed. "
                "Needs a model that already does the task."
            ),
            data_shapes=("kto", "preference"),
            learning_rate=5e-7,
            path="engine.methods.kto",
            needs_reference=True,
            charts=_JUDGED,
            refuses_settings=_WHOLE_ROWS,
            settles=_ANSWERS,
        ),
        Method(
            key="distillation",
            label="Distillation",
            when=(
                "When a larger model of the same family does the task well but is too slow or too dear: the small one "
                "learns its probabilities beside the answers."
            ),
            data_shapes=("messages", "sharegpt", "prompt_completion", "alpaca", "classification", "slots"),
            learning_rate=2e-5,
            path="engine.methods.distillation",
            needs_teacher=True,
            charts={"distillation_loss": "Distance from the teacher"},
        ),
    )
}


def refusal(method: str, adapter: str) -> str:
    """Why a known method and a known adapter do not combine; empty when they do."""
    return METHODS[method].refuses.get(adapter) or ADAPTERS[adapter].refuses.get(method) or ""


def refused_settings(method: str, adapter: str) -> dict[str, tuple[Any, str]]:
    """Name in TrainingOptions -> the value that cannot be had with this method and adapter, and why."""
    by_method = {
        name: (value, f"Not with {METHODS[method].label}: {why}")
        for name, (value, why) in METHODS[method].refuses_settings.items()
    }
    by_adapter = {
        name: (value, f"Not with {ADAPTERS[adapter].label}: {why}")
        for name, (value, why) in ADAPTERS[adapter].refuses_settings.items()
    }
    return by_adapter | by_method
