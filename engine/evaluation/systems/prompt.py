"""The same weights under another system prompt; a system turn that a row brings of its own is replaced too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.evaluation.cases import Case
from engine.evaluation.systems import Asked, Prompting
from engine.evaluation.systems.materials import Materials
from engine.training.options import check, option

MOST_CHARACTERS = 8000


@dataclass(frozen=True)
class Options:
    system_prompt: str = option(
        "",
        label="System prompt",
        why="Stands first in every conversation, in place of the project's baseline prompt.",
        group="prompt",
        level="simple",
        maximum=MOST_CHARACTERS,
    )

    def __post_init__(self) -> None:
        check(self, "prompt")


def prepare(options: Options, materials: Materials) -> Prompting:
    def ask(case: Case) -> Asked:
        return Asked(with_prompt(case.messages, options.system_prompt))

    return ask


def with_prompt(messages: Sequence[dict[str, Any]], text: str) -> tuple[dict[str, Any], ...]:
    """The conversation under another system prompt; with an empty one, under none."""
    rest = tuple(turn for turn in messages if turn["role"] != "system")
    return ({"role": "system", "content": text}, *rest) if text.strip() else rest
