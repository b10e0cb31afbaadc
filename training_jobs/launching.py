"""A launch on its way: the two forms, what is suggested for this data, model and device, and the start itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, QuerySet

from datasets_app.models import Split
from engine import device
from engine.adapters.table import ADAPTERS
from engine.errors import EngineError
from engine.methods.table import METHODS
from engine.training.hints import Suggestion, suggest
from engine.training.spec import TrainingOptions, TrainingSpec
from models_app.models import BaseModel
from projects_app.models import Project
from runs_app import dispatching
from runs_app.models import Run
from training_jobs.controls import RUN_LENGTH, layer_choices, read_controls
from training_jobs.forgetting_form import ForgettingForm
from training_jobs.forms import ChoicesForm, SettingsForm, as_typed, preset_data, ready_splits, settings_data
from training_jobs.kinds import Kinds, adapter_kinds, method_kinds
from training_jobs.lengths import TokenLengths, lengths_of
from training_jobs.models import Preset, TrainingJob

FIRST_METHOD, FIRST_ADAPTER = "sft", "lora"
# Rows of these shapes are made for one method; all others are examples to learn from.
METHOD_OF_SHAPE = {"preference": "dpo", "kto": "kto", "text": "cpt"}


@dataclass(frozen=True)
class Basis:
    """What suggestions rest on. ``key`` travels in the form, so that the next request knows what was suggested."""

    project: Project
    split: Split | None
    base_model: BaseModel | None
    method: str
    adapter: str

    @property
    def key(self) -> str:
        split, model = self.split, self.base_model
        return f"{split.pk if split else 0}.{model.pk if model else 0}.{self.method}.{self.adapter}"

    @cached_property
    def lengths(self) -> TokenLengths | None:
        return lengths_of(self.split, self.project.system_prompt) if self.split else None

    @cached_property
    def suggestion(self) -> Suggestion:
        if self.split is None or self.base_model is None:
            return Suggestion(TrainingOptions(), {})
        rows, p99 = self.split.rows("train"), self.lengths.p99 if self.lengths else None
        try:
            return suggest(rows, p99, self.base_model.config, self.method, self.adapter, device.describe())
        except EngineError:  # a model whose config says too little: the preview names it, the form goes on
            return Suggestion(TrainingOptions(), {})

    def settings(self, data: Mapping[str, Any] | None = None) -> SettingsForm:
        form = SettingsForm(self.method, self.adapter, self.suggestion.options, self.suggestion.reasons, data)
        if "teacher" in form.fields:
            form.fields["teacher"].queryset = BaseModel.objects.usable_in(self.project)  # type: ignore[attr-defined]
        if self.base_model is not None:
            form.layers = layer_choices(self.base_model.path)
        return form


class Launch:
    """The forms together. ``moved`` tells that the choices changed since the settings were last suggested."""

    def __init__(
        self,
        project: Project,
        choices: ChoicesForm,
        basis: Basis,
        settings: SettingsForm,
        forgetting: ForgettingForm,
        *,
        moved: bool = False,
    ):
        self.project = project
        self.choices = choices
        self.basis = basis
        self.settings = settings
        self.forgetting = forgetting
        self.moved = moved

    @property
    def kinds(self) -> tuple[Kinds, Kinds]:
        """The choice of the method and of the adapter, for these rows."""
        return (
            method_kinds(self.choices["method"], shapes_of(self.basis.split)),
            adapter_kinds(self.choices["adapter"], self.basis.method),
        )

    @property
    def presets(self) -> QuerySet[Preset]:
        return Preset.objects.filter(project=self.project)

    def is_valid(self) -> bool:
        """Checks all, so that every mistake is shown at once."""
        return all([self.choices.is_valid(), self.settings.is_valid(), self.forgetting.is_valid()])

    def spec(self) -> TrainingSpec:
        """What a valid launch asks of the engine. Raises SpecError where the parts do not fit together."""
        values = self.choices.cleaned_data
        split, model, teacher = values["split"], values["base_model"], self.settings.cleaned_data.get("teacher")
        has_validation = split.rows("validation") > 0
        return TrainingSpec.from_json(
            {
                "model": model.for_engine(),
                "data": {
                    "train": str(split.file("train")),
                    "validation": str(split.file("validation")) if has_validation else None,
                    "system_prompt": self.project.system_prompt,
                    "task_type": self.project.task_type,
                    **self.forgetting.replay(),
                },
                "method": values["method"],
                "adapter": values["adapter"],
                "training": self.settings.section(""),
                "method_options": self.settings.section("method__"),
                "adapter_options": self.settings.section("adapter__"),
                "teacher": teacher.for_engine() if teacher else None,
                "probes": self.forgetting.section(),
            }
        )


def fresh(
    project: Project, *, split_id: int = 0, source: TrainingJob | None = None, preset: Preset | None = None
) -> Launch:
    """The form as it is first seen: for the split asked for, or the newest one of a version that is current, or as an
    earlier job had it; with the settings of a preset, where one is given."""
    splits = ready_splits(project)
    split = (source.split if source else splits.filter(pk=split_id).first()) or likely_split(splits)
    basis = Basis(
        project,
        split,
        source.base_model if source else _likely_model(split),
        kind.method if (kind := source or preset) else likely_method(split),
        kind.adapter if kind else FIRST_ADAPTER,
    )
    name = source.name if source else str(split.version) if split else ""
    initial = {
        "name": name,
        "split": basis.split,
        "base_model": basis.base_model,
        "method": basis.method,
        "adapter": basis.adapter,
    }
    choices = ChoicesForm(project, initial=initial)
    forgetting = ForgettingForm(project, split, basis.method, spec=source.spec if source else None)
    data = settings_data(source) if source else preset_data(preset, basis.settings()) if preset else None
    return Launch(project, choices, basis, basis.settings(data), forgetting)


def typed(project: Project, data: Mapping[str, Any]) -> Launch:
    """The form as it was sent. Where the choices changed, untouched settings follow the new suggestion."""
    data = read_controls(data)
    choices = ChoicesForm(project, data)
    choices.is_valid()
    chosen = choices.cleaned_data
    basis = Basis(
        project,
        chosen.get("split"),
        chosen.get("base_model"),
        chosen.get("method", FIRST_METHOD),
        chosen.get("adapter", FIRST_ADAPTER),
    )
    forgetting = ForgettingForm(project, basis.split, basis.method, data)
    before = _basis_of(project, str(data.get("basis", "")))
    if before is None or before.key == basis.key:
        return Launch(project, choices, basis, basis.settings(data), forgetting)
    return Launch(project, choices, basis, basis.settings(_carried(data, before, basis)), forgetting, moved=True)


def start(launch: Launch, spec: TrainingSpec, user: User, estimate: Mapping[str, float]) -> TrainingJob:
    """Stores the job, its run and what was expected of it, and puts it into the queue."""
    chosen = launch.choices.cleaned_data
    return queue(launch.project, chosen["name"], chosen["split"], chosen["base_model"], spec, user, estimate)


def queue(
    project: Project,
    name: str,
    split: Split,
    base_model: BaseModel,
    spec: TrainingSpec,
    user: User,
    estimate: Mapping[str, float] | None = None,
) -> TrainingJob:
    """The same for what no form was sent for."""
    document = spec.to_json()
    with transaction.atomic():
        run = Run.objects.create(
            project=project,
            kind="train",
            title=f"{name} · {ADAPTERS[spec.adapter].label}",
            exclusive=True,
            created_by=user,
        )
        job = TrainingJob.objects.create(
            project=project,
            run=run,
            name=name,
            split=split,
            base_model=base_model,
            method=spec.method,
            adapter=spec.adapter,
            spec=document,
            estimate=dict(estimate or {}),
            created_by=user,
        )
        dispatching.enqueue(run, document)
    return job


def likely_split(splits: QuerySet[Split]) -> Split | None:
    """The newest of a dataset's current version, where people went back to one; else the newest."""
    now = Q(version__dataset__current=None) | Q(version__dataset__current=F("version"))
    return splits.filter(now).first() or splits.first()


def likely_method(split: Split | None) -> str:
    """What most of the rows are made for."""
    return METHOD_OF_SHAPE.get(next(iter(shapes_of(split)), ""), FIRST_METHOD)


def shapes_of(split: Split | None) -> dict[str, int]:
    """The shapes of a split's rows with their counts in the whole version, the most frequent first."""
    audit = split.version.audits.filter(document__isnull=False).order_by("-id").first() if split else None
    found = (audit.document or {}).get("formats", []) if audit else []
    return {shape["name"]: shape["count"] for shape in found}


def _likely_model(split: Split | None) -> BaseModel | None:
    """The model the data was audited for, else the smallest that is there."""
    audit = split.version.audit if split else None
    if audit is not None and audit.base_model is not None and audit.base_model.is_there:
        return audit.base_model
    known = (
        BaseModel.objects.usable_in(split.version.dataset.project) if split else BaseModel.objects.filter(project=None)
    )
    return next((model for model in known if model.is_there), None)


def _basis_of(project: Project, key: str) -> Basis | None:
    parts = key.split(".")
    if len(parts) != 4 or not all(part.isdecimal() and len(part) < 16 for part in parts[:2]):
        return None
    split, model, method, adapter = parts
    if method not in METHODS or adapter not in ADAPTERS:
        return None
    return Basis(
        project,
        ready_splits(project).filter(pk=int(split)).first(),
        BaseModel.objects.usable_in(project).filter(pk=int(model)).first(),
        method,
        adapter,
    )


def _carried(data: Mapping[str, Any], before: Basis, after: Basis) -> dict[str, Any]:
    """Typed values stay; values that stood as suggested become the new suggestion."""
    was = before.settings().fields
    values: dict[str, Any] = {}
    for name, field in after.settings().fields.items():
        standing = as_typed(data, name, field)
        untouched = name not in was or was[name].disabled or standing == was[name].initial
        values[name] = field.initial if untouched else standing
    return values | {RUN_LENGTH: data.get(RUN_LENGTH, "")}
