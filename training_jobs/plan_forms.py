"""The forms of plans. Settings that are left empty are suggested when a run begins, for its rows and its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from datasets_app.models import Split
from drafts_app.forms import teachers_for
from engine.adapters.table import ADAPTERS
from engine.drafting.seeds import MOST
from engine.methods.table import METHODS, refusal
from engine.training.options import SpecError, describe
from engine.training.spec import TrainingOptions
from models_app.models import BaseModel
from projects_app.models import Project
from training_jobs.forms import BaseModelField, SplitField, ready_splits
from training_jobs.launching import shapes_of
from training_jobs.plan_steps import ROWS_FOR_TEST, training_spec

CHANGEABLE = ("learning_rate", "num_train_epochs", "max_steps")
LEAST_ANSWERS = 32


class PlanForm(forms.Form):
    """``STAGES``: stage → (method, heading); each stage has an adapter and the few settings people change most."""

    STAGES: dict[str, tuple[str, str]] = {}
    name = forms.CharField(max_length=80, label="Name", help_text="What its runs will be called.")
    base_model = BaseModelField(
        BaseModel.objects.none(), label="Base model", empty_label=None, help_text="Where the plan starts from."
    )

    def __init__(self, project: Project, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.project = project
        fields: dict[str, Any] = self.fields
        fields["base_model"].queryset = BaseModel.objects.usable_in(project)
        self.known = {item.name: item for item in describe(TrainingOptions)}
        for stage, (method, _) in self.STAGES.items():
            fields[f"{stage}_adapter"] = forms.ChoiceField(label="What trains", choices=self.adapters(stage, method))
            for name in CHANGEABLE:
                fields[f"{stage}_{name}"] = self._setting(name)

    def adapters(self, stage: str, method: str) -> list[tuple[str, str]]:
        return [(row.key, row.label) for row in ADAPTERS.values() if not refusal(method, row.key)]

    def stages(self) -> list[tuple[str, list[forms.BoundField]]]:
        """(heading, its fields) as the page lays them out."""
        return [
            (heading, [self[f"{stage}_{name}"] for name in ("adapter", *CHANGEABLE)])
            for stage, (_, heading) in self.STAGES.items()
        ]

    def first(self) -> list[forms.BoundField]:
        """All that belongs to no stage."""
        staged = {bound.name for _, fields in self.stages() for bound in fields}
        return [bound for bound in self if bound.name not in staged]

    def training(self, stage: str) -> dict[str, Any]:
        """What was typed for a stage; the rest is suggested when it begins."""
        typed = {name: self.cleaned_data.get(f"{stage}_{name}") for name in CHANGEABLE}
        return {name: value for name, value in typed.items() if value is not None}

    def check(self, stage: str, split: Split | None) -> None:
        """Puts beside the stage what the engine would refuse; its rows are not there yet where ``split`` is None."""
        method = self.STAGES[stage][0]
        model, adapter = self.cleaned_data.get("base_model"), self.cleaned_data.get(f"{stage}_adapter")
        if not model or not adapter or split is None:
            return
        try:
            training_spec(self.project, split, model, method, adapter, self.training(stage))
        except SpecError as error:
            name = f"{stage}_{error.field.rpartition('.')[2]}"
            self.add_error(name if name in self.fields else None, f"{error.found}. {error.remedy}")

    def check_shapes(self, name: str, method: str) -> None:
        split = self.cleaned_data.get(name)
        odd = [shape for shape in shapes_of(split) if shape not in METHODS[method].data_shapes] if split else []
        if odd:
            wanted = ", ".join(METHODS[method].data_shapes[:3])
            self.add_error(name, f"{METHODS[method].label} trains on {wanted}; this data holds {', '.join(odd)} rows.")

    def _setting(self, name: str) -> forms.Field:
        item = self.known[name]
        kind: Any = forms.IntegerField if item.kind == "int" else forms.FloatField
        field: forms.Field = kind(
            required=False,
            label=item.label,
            min_value=item.minimum,
            max_value=item.maximum,
            help_text=item.why,
        )
        field.unit = item.unit  # type: ignore[attr-defined]
        return field


class TwoStageForm(PlanForm):
    STAGES = {"text": ("cpt", "First: the text"), "chat": ("sft", "Then: the answers")}
    text_split = SplitField(Split.objects.none(), label="Text to read", empty_label=None, help_text="Raw text rows.")
    chat_split = SplitField(
        Split.objects.none(), label="Answers to learn", empty_label=None, help_text="Rows with a prompt and an answer."
    )

    def __init__(self, project: Project, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(project, data)
        fields: dict[str, Any] = self.fields
        splits = ready_splits(project)
        for name, text in (("text_split", True), ("chat_split", False)):
            fields[name].queryset = splits
            fields[name].initial = next((one for one in splits if ("text" in shapes_of(one)) == text), None)

    def adapters(self, stage: str, method: str) -> list[tuple[str, str]]:
        """What stays beside the weights cannot be what the second run starts from."""
        found = super().adapters(stage, method)
        return [(key, label) for key, label in found if stage != "text" or not ADAPTERS[key].stays_apart]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        self.check_shapes("text_split", "cpt")
        self.check_shapes("chat_split", "sft")
        self.check("text", found.get("text_split"))
        self.check("chat", found.get("chat_split"))
        return found


class AnswersForm(PlanForm):
    STAGES = {"student": ("sft", "The student's training")}
    split = SplitField(
        Split.objects.none(),
        label="Prompts",
        empty_label=None,
        help_text="The teacher answers prompts of the training rows; held-out rows stay unseen.",
    )
    teacher = forms.ChoiceField(label="Teacher", help_text="Who writes the answers.")
    count = forms.IntegerField(
        label="Answers",
        min_value=LEAST_ANSWERS,
        max_value=MOST,
        initial=200,
        help_text=f"You review each. From {ROWS_FOR_TEST} accepted ones on, some are kept back for the test.",
    )
    redact = forms.BooleanField(
        required=False,
        initial=True,
        label="Replace personal data by placeholders first",
        help_text="E-mail addresses, numbers, keys and tokens become [EMAIL], [PHONE] and so on before they are sent.",
    )
    instruction = forms.CharField(
        required=False,
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Goes in front as the system message, where a row has none.",
    )

    def __init__(self, project: Project, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(project, data)
        fields: dict[str, Any] = self.fields
        fields["base_model"].label, fields["base_model"].help_text = "Student", "The model that learns the answers."
        fields["split"].queryset = ready_splits(project)
        fields["teacher"].choices = teachers_for(project)
        fields["instruction"].initial = project.system_prompt
        self.order_fields(["name", "split", "teacher", "count", "redact", "instruction", "base_model"])

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        split, count = found.get("split"), found.get("count")
        self.check_shapes("split", "sft")
        if split is not None and split.rows("train") < LEAST_ANSWERS:
            self.add_error("split", f"Only {split.rows('train')} training rows: at least {LEAST_ANSWERS} are needed.")
        elif split is not None and count and count > split.rows("train"):
            self.add_error("count", f"There are {split.rows('train'):,} training rows to answer.")
        model = found.get("base_model")
        if model is not None and found.get("teacher") == f"model:{model.pk}":
            self.add_error("base_model", "It would learn from itself. Choose another student, or another teacher.")
        self.check("student", split)
        return found
