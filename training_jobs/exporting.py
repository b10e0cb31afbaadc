"""Starting an export, its form, and what the model card says of a run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from datasets_app.lineage import how_made
from datasets_app.models import DatasetVersion
from engine.evaluation.measures import label
from engine.evaluation.suite_rows import title_of
from engine.export.forms import FORMS, load
from engine.export.spec import MOST_ROWS, default_precision
from engine.training.options import describe
from models_app.models import BaseModel
from models_app.registering import register
from runs_app import dispatching
from runs_app.models import Run
from training_jobs import repeating
from training_jobs.export_models import Export
from training_jobs.models import Checkpoint, TrainingJob
from training_jobs.option_fields import shown

ROWS = 20
PARTS = ("test", "validation", "train")
_TOLD = (
    "learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps",
    "cutoff_len", "lr_scheduler_type", "weight_decay", "precision", "seed",
)  # fmt: skip


def refusals(job: TrainingJob) -> dict[str, str]:
    """Form → why this run cannot leave in it; empty where it can."""
    return {name: load(name).refusal(job.adapter, job.base_model.path) for name in FORMS}


class ExportForm(forms.Form):
    """What leaves, in which form, and how many rows are asked again through it."""

    form = forms.ChoiceField(label="Form", widget=forms.RadioSelect)
    precision = forms.ChoiceField(
        required=False,
        label="Precision",
        help_text="As usual: the base model's own for the whole model, 8 bits for GGUF. Fewer bits answer a little "
        "differently; the rows asked again show how much.",
    )
    checkpoint = forms.ModelChoiceField(Checkpoint.objects.none(), label="Checkpoint", empty_label=None)
    part = forms.ChoiceField(label="Rows to ask again", help_text="Through the exported files, beside the run's own.")
    rows = forms.IntegerField(
        label="How many of them",
        min_value=0,
        max_value=MOST_ROWS,
        initial=ROWS,
        help_text="Drawn by a seed. With 0 nothing is asked, and the model card says that it was not checked.",
    )

    def __init__(self, job: TrainingJob, data: Mapping[str, Any] | None = None) -> None:
        self.refused = refusals(job)
        fit = [name for name in FORMS if not self.refused[name]]
        there = [one.pk for one in job.checkpoints.all() if one.is_there]
        best = job.best_checkpoint
        super().__init__(data, initial={"form": "merged" if "merged" in fit else "adapter", "checkpoint": best})
        fields: dict[str, Any] = self.fields
        fields["form"].choices = [(name, f"{load(name).TITLE}. {load(name).ABOUT}") for name in fit]
        fields["precision"].choices = [("", "As usual"), *_precisions(fit)]
        fields["checkpoint"].queryset = Checkpoint.objects.filter(pk__in=there).select_related("job")
        counts = [(part, job.split.rows(part)) for part in PARTS]
        fields["part"].choices = [(part, f"{part} rows ({count:,})") for part, count in counts if count]
        fields["rows"].range = f"0 to {MOST_ROWS}"

    @property
    def not_fit(self) -> list[tuple[str, str]]:
        """(title, why) of the forms this run cannot leave in."""
        return [(str(load(name).TITLE), why) for name, why in self.refused.items() if why]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        form, precision = found.get("form"), found.get("precision")
        if form and precision and precision not in dict(load(form).PRECISIONS):
            known = ", ".join(label for _, label in load(form).PRECISIONS)
            self.add_error("precision", f"{load(form).TITLE} comes in: {known}. Choose one of them, or As usual.")
        return found


def start(job: TrainingJob, asked: Mapping[str, Any], user: User) -> Export:
    """Queues an export. ``asked``: form, precision ("" for the usual), checkpoint, part, rows."""
    form, checkpoint = asked["form"], asked["checkpoint"]
    precision = asked.get("precision") or default_precision(form)
    part = asked["part"] if asked.get("rows") else ""
    with transaction.atomic():
        run = Run.objects.create(
            project=job.project,
            kind="export",
            title=f"{job.name} · {load(form).TITLE}"[:200],
            exclusive=settings.RUN_KINDS["export"]["exclusive"],
            created_by=user,
        )
        export = Export.objects.create(
            job=job, run=run, checkpoint=checkpoint, form=form, precision=precision, part=part, created_by=user
        )
        dispatching.enqueue(run, _spec(export, int(asked.get("rows") or 0)))
    return export


def register_base(export: Export) -> BaseModel:
    """The merged model as a base model of the project. Twice is once. Raises NotAModel."""
    name = f"{export.job.name[:80]} (run {export.job.run_id}, step {export.checkpoint.step}, export {export.pk})"
    model = register(export.folder, name=name, stored_as=f"../runs/{export.run_id}/export", project=export.job.project)
    Export.objects.filter(pk=export.pk).update(base_model=model)
    return model


def why_kept(export: Export) -> str:
    """Why an export cannot be deleted now; empty when it can."""
    if not export.run.has_ended:
        return "It is still being written: cancel it first."
    if export.base_model is not None:
        return f"Its files are the base model {export.base_model.name}, so it stays."
    return ""


def delete(export: Export) -> bool:
    """Takes it from the list and its files from the disk; False when it has become a base model meanwhile."""
    folder = export.run.directory
    with transaction.atomic():
        gone, _ = Export.objects.filter(pk=export.pk, base_model=None).delete()
        if gone:
            export.run.delete()
            transaction.on_commit(lambda: shutil.rmtree(folder, ignore_errors=True))
    return bool(gone)


def _spec(export: Export, rows: int) -> dict[str, Any]:
    job = export.job
    prompt = job.spec.get("data", {}).get("system_prompt") or ""
    return {
        "schema_version": 1,
        "kind": "export",
        "model": job.base_model.for_engine(),
        "checkpoint": str(export.checkpoint.path),
        "adapter": job.adapter,
        "form": export.form,
        "precision": export.precision,
        "name": job.name,
        "data": {"rows": str(job.split.file(export.part)) if export.part else None, "system_prompt": prompt},
        "limit": rows,
        "seed": 42,
        "card": card(job, export.checkpoint),
    }


def card(job: TrainingJob, checkpoint: Checkpoint) -> dict[str, Any]:
    """The facts of engine.interop.model_card for one checkpoint of a run."""
    version, about = job.split.version, job.base_model.about or {}
    record = repeating.read(job)
    return {
        "name": job.name,
        "base": {"name": job.base_model.name, "made_by": about.get("made_by"), "cannot": about.get("cannot", [])},
        "licence": job.base_model.licence,
        "method": job.method_label,
        "method_key": job.method,
        "adapter": job.adapter_label,
        "adapter_key": job.adapter,
        "purpose": job.project.purpose,
        "system_prompt": job.spec.get("data", {}).get("system_prompt") or "",
        "data": {
            "dataset": version.dataset.name,
            "version": version.number,
            "sha256": version.sha256,
            "rows": {part: job.split.rows(part) for part in reversed(PARTS)},
            "how_made": how_made(version),
            "synthetic": synthetic_rows(version),
        },
        "settings": _settings(job),
        "results": _results(job, checkpoint),
        "verdicts": _verdicts(checkpoint),
        "limits": _limits(job, checkpoint),
        "made": {
            "run": job.run_id,
            "step": checkpoint.step,
            "date": f"{job.run.ended_at or job.created_at:%Y-%m-%d}",
            "commit": (record.get("workbench") or {}).get("commit"),
        },
    }


def synthetic_rows(version: DatasetVersion | None) -> int:
    """Rows that a teacher wrote, of this version and those it was made from."""
    found = 0
    while version is not None:
        found += int((version.operation.get("added") or {}).get("synthetic", 0))
        version = version.parent
    return found


def _precisions(names: list[str]) -> list[tuple[str, str]]:
    found = {key: label for name in names for key, label in load(name).PRECISIONS}
    return [(key, label) for key, label in found.items() if key not in ("as trained", "as base")]


def _settings(job: TrainingJob) -> list[tuple[str, str]]:
    from engine.adapters.table import ADAPTERS
    from engine.training.spec import TrainingOptions

    training, adapter = job.spec.get("training") or {}, job.spec.get("adapter_options") or {}
    rows = [(item, training.get(item.name)) for item in describe(TrainingOptions) if item.name in _TOLD]
    rows += [(item, adapter.get(item.name)) for item in describe(ADAPTERS[job.adapter].options())]
    return [(item.label, f"{shown(item, value)} {item.unit}".strip()) for item, value in rows if value is not None]


def _results(job: TrainingJob, checkpoint: Checkpoint) -> list[tuple[str, str, str, str]]:
    """What was measured at the checkpoint's own step: (measure, value, n, note)."""
    found: list[tuple[str, str, str, str]] = []
    if (loss := checkpoint.scores.get("eval_loss")) is not None:
        found.append(("Validation loss (nats per token)", f"{loss:.4f}", f"{job.split.rows('validation'):,} rows", ""))
    for event in job.run.events.filter(kind="probe", data__step=checkpoint.step).order_by("seq"):
        data = event.data
        measure = str(data.get("measure"))
        if data.get("score") is None:
            continue
        note = f"{float(data['baseline']):.4f} before step 1" if data.get("baseline") is not None else ""
        name = label(str(data.get("title") or title_of(str(data.get("suite")))), measure)
        found.append((name, f"{float(data['score']):.4f}", str(data.get("n", "")), note))
    return found


def _verdicts(checkpoint: Checkpoint) -> list[str]:
    """What evaluations of this checkpoint concluded. They are of the room above, so they are reached by their name."""
    found = []
    for system in checkpoint.systems.select_related("evaluation").order_by("-id"):
        results = system.evaluation.results or {}
        if sentence := (results.get("verdict") or {}).get("sentence"):
            found.append(f"{sentence} ({results.get('n', '?')} {system.evaluation.part} rows)")
    return list(dict.fromkeys(found))[:5]


def _limits(job: TrainingJob, checkpoint: Checkpoint) -> list[str]:
    """What was seen to be forgotten, and what nobody has measured."""
    said = []
    for event in job.run.events.filter(kind="warning", data__code="forgetting", data__step=checkpoint.step):
        said.append(str(event.data.get("text")))
    said.append(f"It was trained for one task ({job.project.purpose or job.name}); other tasks may have got worse.")
    if job.adapter == "qlora":
        said.append(
            "It was trained beside 4-bit weights; merged weights are those of the base model, not rounded to 4 bits."
        )
    return said
