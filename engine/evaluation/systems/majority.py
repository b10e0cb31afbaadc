"""The most frequent answer of the training rows for every row; without training rows, of the rows asked."""

from __future__ import annotations

from collections import Counter

from engine.evaluation.cases import Case
from engine.evaluation.systems import Asked, Prompting
from engine.evaluation.systems.materials import Materials
from engine.evaluation.systems.plain import NoOptions as Options

__all__ = ["Options", "prepare"]


def prepare(options: Options, materials: Materials) -> Prompting:
    answers = [pair.answer for pair in materials.examples] or [case.reference for case in materials.cases]
    commonest = Counter(answers).most_common(1)[0][0]

    def ask(case: Case) -> Asked:
        return Asked(case.messages, answer=commonest)

    return ask
