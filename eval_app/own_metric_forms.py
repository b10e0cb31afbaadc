"""The form of an own metric, and trying its expression on a row of the project."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from django import forms

from engine.data.errors import DataError
from engine.data.examples import iterate
from engine.errors import EngineError
from engine.evaluation.bounded import WorkProblem
from engine.evaluation.cases import asked_last
from engine.evaluation.own_metrics import MOST_EXPRESSION, PREFIX, OwnMetric, check_expression
from eval_app.models import EvaluationRow
from eval_app.own_metric_models import MOST
from eval_app.own_metric_models import OwnMetric as Saved
from projects_app.models import Project

ROWS_LOOKED_AT = 200
_LONGEST_NAME = 36


class OwnMetricForm(forms.ModelForm[Saved]):
    class Meta:
        model = Saved
        fields = ["label", "expression", "unit", "direction"]
        labels = {"unit": "Its value is", "direction": "Which is better"}
        help_texts = {
            "label": "What it is called in tables.",
            "expression": "CEL over prompt, reference and output; it gives true, false or a number.",
            "unit": "True and false are shares of 1 and 0; shares are shown in percent.",
            "direction": "Decides when a system is called better.",
        }
        widgets = {"expression": forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "mono"})}

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        self.fields["expression"].max_length = MOST_EXPRESSION  # type: ignore[attr-defined]
        self.fields["expression"].widget.attrs["maxlength"] = MOST_EXPRESSION

    def clean_expression(self) -> str:
        expression = str(self.cleaned_data["expression"]).strip()
        try:
            check_expression(expression)
        except WorkProblem as problem:
            raise forms.ValidationError(_sentence(problem)) from None
        return expression

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if self.instance._state.adding and self.project.own_metrics.count() >= MOST:
            raise forms.ValidationError(f"The project has {MOST} metrics of its own. Delete one that is not used.")
        return found

    def save(self, commit: bool = True) -> Saved:
        if self.instance._state.adding:
            self.instance.project = self.project
            self.instance.name = _free_name(self.project, self.cleaned_data["label"])
        return super().save(commit)


@dataclass(frozen=True, slots=True)
class Tried:
    """An expression on one row: its value, or the problem and its place."""

    title: str
    prompt: str
    reference: str
    output: str
    value: float | None = None
    problem: str = ""


def try_out(project: Project, expression: str, unit: str, number: int) -> list[Tried]:
    """On row `number` (from 1) of the newest evaluation, for each system's answer; on a test row of the newest split,
    its reference being the answer, where nothing was evaluated yet. Empty where the project has no such row."""
    metric = OwnMetric("own_tried", "", expression, "none", "score" if unit == "score" else "share")
    return [_tried(metric, *texts) for texts in _texts(project, number)]


def _tried(metric: OwnMetric, title: str, prompt: str, reference: str, output: str) -> Tried:
    try:
        return Tried(title, prompt, reference, output, metric.value(prompt, reference, output))
    except WorkProblem as problem:
        return Tried(title, prompt, reference, output, problem=_sentence(problem))


def _texts(project: Project, number: int) -> list[tuple[str, str, str, str]]:
    row = (
        EvaluationRow.objects.filter(evaluation__project=project, position=number - 1)
        .order_by("-evaluation_id")
        .first()
    )
    if row is not None:
        prompt = asked_last(row.messages)
        outputs = row.outputs.select_related("system").order_by("system_id")[:6]
        return [(output.system.name, prompt, row.reference, output.text) for output in outputs]
    return _of_split(project, number)


def _of_split(project: Project, number: int) -> list[tuple[str, str, str, str]]:
    from datasets_app.models import Split

    for split in Split.objects.filter(version__dataset__project=project).order_by("-id")[:5]:
        if not split.rows("test") or not split.file("test").is_file():
            continue
        try:
            for found, row in enumerate(iterate(split.file("test"), skip_unusable=True), 1):
                if found == number:
                    example = row.example
                    return [("The reference itself", example.prompt_text, example.answer, example.answer)]
                if found >= ROWS_LOOKED_AT:
                    break
        except (DataError, EngineError, OSError):
            continue
    return []


def _sentence(problem: WorkProblem) -> str:
    return f"{problem.where.capitalize()}{problem.text}"


def _free_name(project: Project, label: str) -> str:
    """own_ and the label in small letters; numbered when the project has it already."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[: _LONGEST_NAME - 4] or "metric"
    taken = set(project.own_metrics.values_list("name", flat=True))
    names = [PREFIX + stem, *(f"{PREFIX}{stem}_{number}" for number in range(2, MOST + 3))]
    return next(name for name in names if name not in taken)
