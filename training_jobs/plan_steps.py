"""The kinds of steps a plan is made of: how each is started from what the ones before have made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from datasets_app import launching as data
from datasets_app.launching import NotReady
from datasets_app.models import DatasetVersion, Split
from datasets_app.receiving import add_dataset, store_bytes
from drafts_app import launching as drafting
from drafts_app.models import DraftBatch
from engine.drafting.parsing import SYNTHETIC
from engine.training.spec import TrainingSpec
from models_app.models import BaseModel, Endpoint
from projects_app.models import Project
from runs_app.models import Run
from training_jobs import exporting, launching
from training_jobs.models import TrainingJob
from training_jobs.plan_models import PlanStep

# A merge is looked at with a few rows; whoever exports for others asks for more.
ROWS_ASKED_AGAIN = 4
# Below this the split has no room for test rows of its own.
ROWS_FOR_TEST = 48
WITH_TEST = {"train": 0.8, "validation": 0.1, "test": 0.1}
WITHOUT_TEST = {"train": 0.9, "validation": 0.1, "test": 0.0}
Made = dict[str, Any]


def _nothing(step: PlanStep) -> Made:
    return {}


@dataclass(frozen=True)
class StepKind:
    """``start`` gives the run and what is known already; ``finish`` what its success adds. Both are called inside the
    plan's transaction, and raise NotReady, EngineError or NotAModel where the plan cannot go on."""

    start: Callable[[PlanStep], tuple[Run, Made]] | None = None
    """None: a step that waits for a person."""
    finish: Callable[[PlanStep], Made] = _nothing


def made_by(step: PlanStep, position: int) -> Made:
    """What an earlier step of the plan has made."""
    found: Made = step.plan.steps.get(position=position).made
    return found


def training_spec(
    project: Project, split: Split, model: BaseModel, method: str, adapter: str, changed: dict[str, Any]
) -> TrainingSpec:
    """As the launch form suggests it for these rows, this model and this device, but for what is ``changed``. Raises
    SpecError."""
    suggested = launching.Basis(project, split, model, method, adapter).suggestion.options
    return TrainingSpec.from_json(
        {
            "model": model.for_engine(),
            "data": {
                "train": str(split.file("train")),
                "validation": str(split.file("validation")) if split.rows("validation") else None,
                "system_prompt": project.system_prompt,
                "task_type": project.task_type,
            },
            "method": method,
            "adapter": adapter,
            "training": {**dataclasses.asdict(suggested), **changed},
        }
    )


def _start_training(step: PlanStep) -> tuple[Run, Made]:
    plan, given = step.plan, step.given
    split = Split.objects.get(pk=_given(step, "split"))
    model = BaseModel.objects.usable_in(plan.project).get(pk=_given(step, "base_model"))
    spec = training_spec(plan.project, split, model, given["method"], given["adapter"], given["training"])
    job = launching.queue(plan.project, f"{plan.name}: {step.title}"[:120], split, model, spec, plan.created_by)
    return job.run, {"job": job.pk}


def _start_merge(step: PlanStep) -> tuple[Run, Made]:
    job = TrainingJob.objects.get(pk=made_by(step, step.given["of"])["job"])
    checkpoint = job.best_checkpoint
    if checkpoint is None:
        raise NotReady(f"Run {job.run_id} has no checkpoint on the disk any more. Train it again.")
    part = next((part for part in ("validation", "train") if job.split.rows(part)), "")
    # In 32 bits: what a small learning rate has changed must not be rounded away before the next stage.
    asked = {"form": "merged", "precision": "f32", "checkpoint": checkpoint, "part": part, "rows": ROWS_ASKED_AGAIN}
    export = exporting.start(job, asked, step.plan.created_by)
    return export.run, {"export": export.pk}


def _register_merged(step: PlanStep) -> Made:
    assert step.run is not None
    return {"base_model": exporting.register_base(step.run.export).pk}


def _start_drafting(step: PlanStep) -> tuple[Run, Made]:
    plan, given = step.plan, step.given
    version = DatasetVersion.objects.get(pk=given["version"])
    batch = drafting.start_draft(
        version, teacher(plan.project, given["teacher"]), "answer", given["asked"], plan.created_by
    )
    return batch.run, {"batch": batch.pk}


def _check_drafts(step: PlanStep) -> Made:
    batch = DraftBatch.objects.get(pk=step.made["batch"])
    if not batch.open_rows().exists():
        raise NotReady("The teacher wrote no usable answer. Its drafts page says why each could not be used.")
    return {}


def _start_rows(step: PlanStep) -> tuple[Run, Made]:
    """The accepted answers as a data set of their own, marked synthetic; the run is its audit."""
    batch = DraftBatch.objects.get(pk=made_by(step, step.given["of"])["batch"])
    taken = list(batch.to_add().select_related("decided_by"))
    if not taken:
        raise NotReady("None of the answers is accepted. Accept some on the drafts page, then press Go on.")
    content = b"".join(orjson.dumps(row.now) + b"\n" for row in taken)
    sha256, size = store_bytes(content)
    version = add_dataset(
        step.plan.project,
        step.plan.created_by,
        filename=f"{batch.version.dataset.name[:60]} answered by {batch.teacher_name[:40]}.jsonl",
        sha256=sha256,
        size=size,
        operation={
            "op": "answers",
            "origin": SYNTHETIC,
            "added": {SYNTHETIC: len(taken)},
            "of": str(batch.version),
            "teacher": batch.teacher,
            "batch": batch.pk,
            "accepted_by": sorted({row.decided_by.username for row in taken if row.decided_by}),
        },
    )
    audit = data.start_audit(version, step.plan.created_by)
    return audit.run, {"version": version.pk}


def _start_split(step: PlanStep) -> tuple[Run, Made]:
    version = DatasetVersion.objects.get(pk=made_by(step, step.given["of"])["version"])
    document = data.audit_of(version).document or {}
    rows = int(document["rows"]["usable"])
    shares = WITH_TEST if rows >= ROWS_FOR_TEST else WITHOUT_TEST
    split = data.start_split(version, shares, 42, step.plan.created_by)
    return split.run, {"split": split.pk}


def teacher(project: Project, choice: str) -> Endpoint | BaseModel:
    """``endpoint:3`` or ``model:1``. Raises NotReady when it is gone."""
    kind, _, number = choice.partition(":")
    known: Any = project.endpoints.all() if kind == "endpoint" else BaseModel.objects.usable_in(project)
    found: Endpoint | BaseModel | None = known.filter(pk=number).first()
    if found is None:
        raise NotReady("The teacher is not there any more. Make a new plan with another.")
    return found


def _given(step: PlanStep, name: str) -> int:
    """A key that was given, or one that an earlier step has made: {"from": position}."""
    value = step.given[name]
    return int(made_by(step, value["from"])[name] if isinstance(value, dict) else value)


STEPS: dict[str, StepKind] = {
    "train": StepKind(_start_training),
    "merge": StepKind(_start_merge, _register_merged),
    "draft": StepKind(_start_drafting, _check_drafts),
    "review": StepKind(),
    "rows": StepKind(_start_rows),
    "split": StepKind(_start_split),
}
