"""The form of a new evaluation: its rows, any number of systems, the metrics. Systems are added and removed by buttons
that send the form, so that it works without JavaScript."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms

from datasets_app.models import DatasetVersion, Split
from engine.evaluation.metrics import METRICS
from engine.evaluation.suite_rows import suite_names, title_of
from engine.evaluation.systems import KINDS
from eval_app.launching import BATCH, ROWS, SUITES, Chosen, Plan
from eval_app.models import Evaluation
from eval_app.system_forms import SystemForm
from projects_app.models import Project
from training_jobs.forgetting_form import KEY, probing_versions
from training_jobs.models import Checkpoint, TrainingJob

MOST_SYSTEMS = 12
MOST_OFFERED = 40
_ASKED_SHAPES = frozenset(
    {"messages", "sharegpt", "evaluation", "slots", "alpaca", "prompt_completion", "classification", "preference"}
)


class EvaluationForm(forms.Form):
    name = forms.CharField(
        required=False, max_length=120, label="Name", help_text="Empty: by the systems that are compared."
    )
    source = forms.ChoiceField(label="Rows", help_text="Rows that no system was trained on.")
    rows = forms.CharField(
        label="How many",
        max_length=12,
        initial=str(ROWS),
        help_text="At most this many, drawn with a seed; “all” takes every one.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    training = forms.ChoiceField(
        required=False, label="Training rows", help_text="Few-shot examples and the commonest answer come from these."
    )
    metrics = forms.MultipleChoiceField(
        required=False,
        label="Metrics",
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: those of the project's task.",
    )
    primary = forms.ChoiceField(required=False, label="What decides", help_text="Chosen before any answer was seen.")
    suites = forms.MultipleChoiceField(
        required=False,
        label="Probe suites",
        widget=forms.CheckboxSelectMultiple,
        help_text="What each model still knows, against the baseline.",
    )
    max_new_tokens = forms.IntegerField(
        required=False, min_value=1, max_value=8192, label="Most tokens of an answer",
        help_text="Empty: twice the longest reference.",
    )  # fmt: skip
    batch_size = forms.IntegerField(
        min_value=1, max_value=256, initial=BATCH, label="Batch", help_text="Rows generated side by side."
    )

    def __init__(
        self, project: Project, data: Mapping[str, Any] | None = None, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=initial)
        self.project = project
        self.sources = sources(project)
        splits = [(key, title) for key, (title, source) in self.sources.items() if isinstance(source, Split)]
        choices: dict[str, list[tuple[str, str]]] = {
            "source": [(key, title) for key, (title, _) in self.sources.items()],
            "training": [("", "Those of the split above"), *splits],
            "metrics": [(name, metric.label) for name, metric in METRICS.items()],
            "primary": [("", "By the project's task"), *_deciding(project)],
            "suites": [
                *((name, title_of(name)) for name in suite_names()),
                *((KEY + str(version.pk), str(version)) for version in probing_versions(project, None)),
            ],
        }
        for field, offered in choices.items():
            self.fields[field].choices = offered  # type: ignore[attr-defined]
        self.fields["suites"].initial = list(SUITES)

    def clean_rows(self) -> int | None:
        text = self.cleaned_data["rows"].strip().lower()
        if text == "all":
            return None
        if not (text.isdecimal() and 0 < int(text) < 10**9):
            raise forms.ValidationError(f"“{text[:40]}” is not a number of rows. Give a whole number, or “all”.")
        return int(text)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        chosen, primary = data.get("metrics") or [], data.get("primary")
        if primary and chosen and primary not in chosen:
            self.add_error("primary", "Tick this metric as well: what decides has to be computed.")
        return data


class Launch:
    """The form with its systems. ``baseline`` is the number of a system."""

    def __init__(self, project: Project, form: EvaluationForm, systems: list[SystemForm], baseline: int) -> None:
        self.project, self.form, self.systems, self.baseline = project, form, systems, baseline

    @property
    def order(self) -> str:
        return ",".join(f"{one.number}:{one.kind_name}" for one in self.systems)

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(name, kind.label) for name, kind in KINDS.items()]

    def forgive_what_is_empty(self) -> None:
        """Takes back the errors of fields that nobody has filled yet: a system was added, nothing was sent."""
        for form in (self.form, *self.systems):
            for name, errors in form.errors.as_data().items():
                if all(error.code == "required" for error in errors):
                    del form.errors[name]

    def problems(self) -> list[str]:
        """What stands against starting, as far as the form alone can say."""
        found = [
            f"{self.form.fields[name].label}: {error}" if name in self.form.fields else str(error)
            for name, errors in self.form.errors.items()
            for error in errors
        ]
        for one in self.systems:
            if one.missing():
                found.append(f"{one.kind.label}: {one.missing()}")
                continue
            for name, errors in one.errors.items():
                label = one.fields[name].label if name in one.fields else ""
                found += [f"{one.kind.label}: {label}: {error}" for error in errors]
        numbers = {one.number: one for one in self.systems}
        if not self.systems:
            found.append("Add a system.")
        elif self.baseline not in numbers:
            found.append("Choose which system is the baseline.")
        elif numbers[self.baseline].kind.flatters:
            found.append(
                "The baseline must be a system that answers; one that flatters shows only how little a figure means."
            )
        return found

    def plan(self) -> Plan:
        """For a form without problems."""
        data = self.form.cleaned_data
        source = self.form.sources[data["source"]][1]
        training = self.form.sources[data["training"]][1] if data["training"] else None
        suites = [name for name in data["suites"] if not name.startswith(KEY)]
        versions = [
            version for version in probing_versions(self.project, None) if KEY + str(version.pk) in data["suites"]
        ]
        return Plan(
            systems=[one.chosen() for one in self.systems],
            name=data["name"],
            split=source if isinstance(source, Split) else None,
            version=source if isinstance(source, DatasetVersion) else None,
            training=training if isinstance(training, Split) else None,
            baseline=[one.number for one in self.systems].index(self.baseline),
            limit=data["rows"],
            metrics=data["metrics"],
            primary=data["primary"],
            suites=suites,
            suite_versions=versions,
            max_new_tokens=data["max_new_tokens"],
            batch_size=data["batch_size"],
        )


def typed(project: Project, data: Mapping[str, Any]) -> Launch:
    """What was sent, with the system that a button adds or takes away."""
    systems: list[SystemForm] = []
    for entry in str(data.get("order", "")).split(",")[:MOST_SYSTEMS]:
        number, _, kind = entry.partition(":")
        if number.isdecimal() and len(number) < 6 and kind in KINDS and str(data.get("remove", "")) != number:
            systems.append(SystemForm(project, kind, int(number), data))
    added = str(data.get("add_kind", "")) if "add" in data else ""
    if added in KINDS and len(systems) < MOST_SYSTEMS:
        free = 1 + max((one.number for one in systems), default=-1)
        systems.append(SystemForm(project, added, free, _values(SystemForm(project, added, free))))
    baseline = str(data.get("baseline", ""))
    return Launch(project, EvaluationForm(project, data), systems, int(baseline) if baseline.isdecimal() else -1)


def fresh(project: Project, *, source: Evaluation | None = None, job: TrainingJob | None = None) -> Launch:
    """A form to begin with: like an earlier evaluation, or the base model against its best checkpoint and few-shot."""
    if source is not None:
        return _like(project, source)
    job = job or next((one for one in TrainingJob.objects.filter(project=project) if one.best_checkpoint), None)
    chosen = _suggested(project, job)
    key = f"split:{job.split_id}" if job else next(iter(sources(project)), "")
    return _launch(project, chosen, 0, {"source": key, "rows": str(ROWS), "suites": list(SUITES), "batch_size": BATCH})


def _suggested(project: Project, job: TrainingJob | None) -> list[Chosen]:
    if job is None:
        return [Chosen("base"), Chosen("few_shot")]
    base = job.base_model
    found = [Chosen("base", base_model=base), Chosen("few_shot", base_model=base)]
    best = job.best_checkpoint
    return [*found, Chosen("checkpoint", checkpoint=best)] if best else found


def _like(project: Project, source: Evaluation) -> Launch:
    """The same systems, rows and metrics; what is not there any more is left to be chosen again."""
    try:
        spec = json.loads((source.run.directory / "spec.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        spec = {}
    systems = list(source.systems.select_related("base_model", "checkpoint__job__base_model", "endpoint"))
    chosen = [
        Chosen(
            one.kind, "", dict(one.options), None if one.checkpoint else one.base_model, one.checkpoint, one.endpoint
        )
        for one in systems
        if one.kind in KINDS
    ]
    named = [
        one if one.title() == system.name else replace(one, name=system.name[:100])
        for one, system in zip(chosen, systems, strict=False)
    ]
    probes, limit = spec.get("probes") or {}, spec.get("limit")
    initial = {
        "name": "",
        "source": f"split:{source.split_id}" if source.split_id else f"version:{source.version_id}",
        "rows": "all" if limit is None else str(limit),
        "metrics": spec.get("metrics") or [],
        "primary": spec.get("primary") or "",
        "suites": [*(probes.get("suites") or []), *(file["key"] for file in probes.get("files") or [])],
        "max_new_tokens": (spec.get("generation") or {}).get("max_new_tokens"),
        "batch_size": (spec.get("generation") or {}).get("batch_size") or BATCH,
    }
    baseline = next((place for place, one in enumerate(systems) if one.is_baseline), 0)
    return _launch(project, named, baseline, initial)


def _launch(project: Project, chosen: list[Chosen], baseline: int, initial: dict[str, Any]) -> Launch:
    systems = [SystemForm(project, one.kind, number, chosen=one) for number, one in enumerate(chosen)]
    return Launch(project, EvaluationForm(project, initial=initial), systems, baseline)


def as_sent(launch: Launch) -> dict[str, Any]:
    """The form as if it had been sent untouched: its first preview comes by the same way as every later one."""
    sent: dict[str, Any] = {"order": launch.order, "baseline": str(launch.baseline)}
    for form in (launch.form, *launch.systems):
        sent |= _values(form)
    return sent


def _values(form: forms.Form) -> dict[str, Any]:
    """What an untouched form sends; a box that is not ticked sends nothing."""
    values = {bound.html_name: bound.value() for bound in form}
    return {name: value for name, value in values.items() if value not in (None, False)}


def sources(project: Project) -> dict[str, tuple[str, Split | DatasetVersion]]:
    """Where rows can come from: the test part of a split, or an audited version whose rows can be asked."""
    found: dict[str, tuple[str, Split | DatasetVersion]] = {}
    splits = Split.objects.filter(version__dataset__project=project, result__isnull=False)
    for split in splits.select_related("version__dataset", "run")[:MOST_OFFERED]:
        if split.rows("test"):
            found[f"split:{split.pk}"] = (
                f"Test part of split {split.pk} of {split.version} ({split.rows('test'):,} rows)",
                split,
            )
    versions = DatasetVersion.objects.filter(dataset__project=project, audits__document__isnull=False)
    for version in versions.select_related("dataset").distinct().order_by("-pk")[:MOST_OFFERED]:
        audit = version.audited()
        document = (audit.document if audit else None) or {}
        shapes = {shape["name"] for shape in document.get("formats", [])}
        usable = (document.get("rows") or {}).get("usable", 0)
        if usable and shapes & _ASKED_SHAPES:
            found[f"version:{version.pk}"] = (f"All of {version} ({usable:,} rows)", version)
    return found


def rows_of(source: Split | DatasetVersion) -> int:
    if isinstance(source, Split):
        return source.rows("test")
    audit = source.audited()
    return int((((audit.document if audit else None) or {}).get("rows") or {}).get("usable", 0))


def checkpoint_trained_on(checkpoint: Checkpoint, version: DatasetVersion) -> bool:
    return checkpoint.job.split.version_id == version.pk


def _deciding(project: Project) -> list[tuple[str, str]]:
    return [(name, metric.label) for name, metric in METRICS.items() if metric.direction != "none"]
