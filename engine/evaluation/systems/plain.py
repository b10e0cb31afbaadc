"""What kinds share that change nothing about the prompt: the row is asked as it stands."""

from __future__ import annotations

from dataclasses import dataclass

from engine.evaluation.cases import Case
from engine.evaluation.systems import Asked, Prompting
from engine.evaluation.systems.materials import Materials


@dataclass(frozen=True)
class NoOptions:
    """Nothing to choose beside the weights."""


def as_it_stands(options: NoOptions, materials: Materials) -> Prompting:
    def ask(case: Case) -> Asked:
        return Asked(case.messages)

    return ask
