"""A model judges pairs of answers: which of two is better, asked in both orders. No torch here.

Zheng et al. 2023 ("Judging LLM-as-a-judge with MT-bench", arXiv 2306.05685): a judge prefers a place as well as an
answer. So each pair is asked twice, and only what is decided alike both times is a win; what differs by order is a tie,
and the share of such pairs is the position bias that stands beside every win rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.errors import EngineError
from engine.teachers import KEY_VARIABLE, TEACHERS

Order = Literal["ab", "ba"]
Said = Literal["a", "b", "tie", "unreadable"]
JUDGE_KEY_VARIABLE = f"{KEY_VARIABLE}_JUDGE"
"""Hands over the key of an endpoint that judges; the systems' endpoints have theirs under names of their own."""
ROWS = 100
"""Rows judged when a spec names no number: two questions for each pair of answers."""
MOST_INSTRUCTIONS = 4000


@dataclass(frozen=True, slots=True)
class JudgeSpec:
    """`judge` of a spec.json: a teacher's spec (engine/teachers) with what it is told beside it."""

    teacher: dict[str, Any]
    name: str
    instructions: str = ""
    """What counts, in the project's words; empty for the general sentence."""
    with_reference: bool = True
    """Whether the judge is shown the row's reference answer."""
    rows: int = ROWS


@dataclass(frozen=True, slots=True)
class Pair:
    """Two systems on one row."""

    a: str
    b: str
    row: int


@dataclass(slots=True)
class Judged:
    """What the judge said of a pair, by order, in terms of the systems; answers that are equal are a tie unasked."""

    equal: bool = False
    said: dict[Order, Said] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return self.equal or len(self.said) == 2

    @property
    def unreadable(self) -> bool:
        return "unreadable" in self.said.values()

    @property
    def moved(self) -> bool:
        """Whether the orders were decided differently."""
        return not self.equal and not self.unreadable and self.said["ab"] != self.said["ba"]

    @property
    def decision(self) -> Literal["a", "b", "tie"] | None:
        """None where a verdict could not be read."""
        if self.unreadable:
            return None
        if self.equal or self.moved:
            return "tie"
        one = self.said["ab"]
        return one if one != "unreadable" else None


def read_judge(document: Mapping[str, Any] | None) -> JudgeSpec | None:
    """Raises EngineError("Config") naming the field."""
    if not document:
        return None
    given = dict(document)
    kind = given.get("kind")
    rows = given.pop("rows", None) or ROWS
    instructions = str(given.pop("instructions", "") or "")
    wrong = [
        (kind not in TEACHERS, f"kind is {kind!r}", f"Use one of: {', '.join(TEACHERS)}."),
        (type(rows) is not int or rows < 1, f"rows is {rows!r}", "Use 1 or more."),
        (
            len(instructions) > MOST_INSTRUCTIONS,
            f"the instructions have {len(instructions)} characters",
            f"{MOST_INSTRUCTIONS} are allowed.",
        ),
    ]
    for bad, found, remedy in wrong:
        if bad:
            raise EngineError("Config", f"judge: {found}.", remedy)
    with_reference = bool(given.pop("with_reference", True))
    return JudgeSpec(given, str(given.get("name") or given.get("model") or "judge"), instructions, with_reference, rows)
