"""An empty JSON object for every row."""

from __future__ import annotations

from engine.evaluation.cases import Case
from engine.evaluation.systems import Asked, Prompting
from engine.evaluation.systems.materials import Materials
from engine.evaluation.systems.plain import NoOptions as Options

__all__ = ["Options", "prepare"]


def prepare(options: Options, materials: Materials) -> Prompting:
    def ask(case: Case) -> Asked:
        return Asked(case.messages, answer="{}")

    return ask
