"""Rows of an evaluation as a page or a file shows them: each system's answer, marked and scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.differences import Part, against_reference, far_apart
from engine.evaluation.diagnosis import CAUSES, rule_text
from engine.evaluation.slices import SLICED_BY
from eval_app.asked import NOTHING, REFERENCE, Asked
from eval_app.deciding import Measure, deciding, measure, outcome
from eval_app.models import Evaluation, EvaluationRow, Output, System
from eval_app.notes import Marked, marks_of
from eval_app.verdict_models import CauseLabel

IN_A_LIST = 800
"""Pieces up to which words are marked on a page of many rows; the page of one row marks more."""

WORDS = {"win": "Win", "loss": "Loss", "both": "Both right", "neither": "Both wrong"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one system said, beside what it is marked against."""

    number: int
    """Its place among the systems shown, from 1: the key that hides it."""
    system: System
    role: str
    """``baseline``, ``candidate`` or "" """
    output: Output | None
    parts: list[Part]
    marked: bool
    outcome: str
    """Against the chosen baseline: a key of WORDS, or ""."""
    scores: list[tuple[Measure, float]]
    cause: str
    """Why it failed, in words, where the diagnosis has sorted it."""

    @property
    def outcome_words(self) -> str:
        return WORDS.get(self.outcome, "")


@dataclass(frozen=True, slots=True)
class Entry:
    row: EvaluationRow
    answers: list[Answer]
    marks: Marked

    @property
    def number(self) -> int:
        return self.row.position + 1

    @property
    def outcome(self) -> str:
        """How the candidate did on the row, in words."""
        return next((one.outcome_words for one in self.answers if one.role == "candidate"), "")

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The turns without the system prompt, which all rows share."""
        return [turn for turn in self.row.messages if turn.get("role") != "system"]

    @property
    def slices(self) -> list[tuple[str, str, str]]:
        """Each as (by, its words, value)."""
        return [(one.by, SLICED_BY.get(one.by, one.by), one.value) for one in self.row.slices.all()]


def entries(found: Evaluation, asked: Asked, positions: Iterable[int], most: int = IN_A_LIST) -> list[Entry]:
    """The rows at these positions, in their order: six queries, however many."""
    places = {position: place for place, position in enumerate(positions)}
    rows = EvaluationRow.objects.filter(evaluation=found, position__in=places).prefetch_related("slices")
    ordered = sorted(rows, key=lambda row: places[row.position])
    outputs: dict[int, dict[int, Output]] = {}
    for output in Output.objects.filter(row__in=ordered, system__in=asked.shown):
        outputs.setdefault(output.row_id, {})[output.system_id] = output
    marks = marks_of(found, ordered)
    by = deciding(found.results)
    labels = CauseLabel.objects.filter(evaluation=found, position__in=places).order_by("id").select_related("given_by")
    given = {(one.system_id, one.position): one for one in labels}
    reading = _Reading(found, asked, by, found.results.get("diagnosis") or {}, given, most)
    return [Entry(row, list(reading.answers(row, outputs.get(row.pk, {}))), marks[row.position]) for row in ordered]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is the same for all rows of a page."""

    found: Evaluation
    asked: Asked
    by: Measure
    diagnosis: dict[str, Any]
    given: dict[tuple[int, int], CauseLabel]
    """The causes that people gave, the newest of each answer."""
    most: int

    def answers(self, row: EvaluationRow, outputs: dict[int, Output]) -> Iterator[Answer]:
        asked = self.asked
        other = self._other(row, outputs)
        base = outputs.get(asked.baseline.pk)
        for number, system in enumerate(asked.shown, 1):
            output = outputs.get(system.pk)
            text = output.text if output else ""
            parts = [] if system.key == asked.against else against_reference(text, other, self.most)
            readable = len(parts) > 1 and not far_apart(parts)
            yield Answer(
                number=number,
                system=system,
                role="baseline" if system == asked.baseline else "candidate" if system == asked.candidate else "",
                output=output,
                parts=parts if readable else [("same", text)],
                marked=readable,
                outcome=self._outcome(base, output) if system != asked.baseline else "",
                scores=[(measure(name, self.found.results), value) for name, value in self._scores(output)],
                cause=self._cause(system, row.position),
            )

    def _outcome(self, base: Output | None, output: Output | None) -> str:
        return outcome(self.by, base.score, output.score) if base and output else ""

    def _other(self, row: EvaluationRow, outputs: dict[int, Output]) -> str:
        if self.asked.against in (REFERENCE, NOTHING):
            return row.reference if self.asked.against == REFERENCE else ""
        named = next(system for system in self.asked.systems if system.key == self.asked.against)
        return outputs[named.pk].text if named.pk in outputs else ""

    def _scores(self, output: Output | None) -> list[tuple[str, float]]:
        """The deciding measure first."""
        scores = output.scores if output else {}
        return sorted(scores.items(), key=lambda item: item[0] != self.by.name)

    def _cause(self, system: System, position: int) -> str:
        """In words: what a person gave, else what a rule found."""
        if one := self.given.get((system.pk, position)):
            return f"{CAUSES[one.cause].label}, says {one.given_by}"
        found = (self.diagnosis.get(system.key, {}).get("rows") or {}).get(str(position))
        if not found:
            return ""
        name, rule = str(found["cause"]), str(found.get("rule") or "")
        label = CAUSES[name].label if name in CAUSES else name
        return f"{label}. {rule_text(name, rule)}" if rule else label
