"""One failed row, and what the rules look at of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.evaluation.cases import Case
from engine.evaluation.facts import asked
from engine.evaluation.metrics.reading import normalised
from engine.evaluation.refusals import refuses


@dataclass(frozen=True)
class Failure:
    """`form` is the form that the evaluation's references share (engine/evaluation/rules.py), or None."""

    case: Case
    text: str
    ended: bool
    form: Mapping[str, Any] | None

    @cached_property
    def refused(self) -> bool:
        """Whether the answer refuses what the reference does not."""
        return refuses(self.text) and not refuses(self.case.reference)

    @cached_property
    def answer(self) -> str:
        return normalised(self.text)

    @cached_property
    def prompt(self) -> str:
        return asked(self.case)

    @cached_property
    def instructions(self) -> str:
        """Everything that could hold one: the system prompt and what was asked."""
        return "\n".join(str(turn.get("content") or "") for turn in self.case.messages)
