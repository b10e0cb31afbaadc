"""Starting an evaluation: the base model with its baseline prompt against a checkpoint, on held-out rows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from engine.errors import EngineError
from eval_app.models import Evaluation, System
from runs_app import dispatching
from runs_app.models import Run
from training_jobs.models import Checkpoint, TrainingJob

# Enough to show a difference of about ten points, and a few minutes of a small model's time; the form may ask for more.
ROWS = 200


def start_evaluation(job: TrainingJob, checkpoint: Checkpoint, user: User, *, limit: int | None = ROWS) -> Evaluation:
    """Queues base against ``checkpoint`` on the split's test rows. Raises EngineError("Data") without any."""
    if not job.split.rows("test"):
        raise EngineError("Data", "The split has no test rows.", "Split the data again with a share for the test.")
    base = System(
        key="base", name=f"{job.base_model.name} + baseline prompt", is_baseline=True, base_model=job.base_model
    )
    tuned = System(
        key="tuned",
        kind="checkpoint",
        name=f"{job.name}, step {checkpoint.step}",
        base_model=job.base_model,
        checkpoint=checkpoint,
    )
    with transaction.atomic():
        run = Run.objects.create(
            project=job.project,
            kind="evaluate",
            title=job.name,
            exclusive=settings.RUN_KINDS["evaluate"]["exclusive"],
            created_by=user,
        )
        evaluation = Evaluation.objects.create(
            project=job.project, run=run, name=f"{job.name} against the baseline", split=job.split, created_by=user
        )
        for system in (base, tuned):
            system.evaluation = evaluation
            system.save()
        dispatching.enqueue(run, _spec(job, [base, tuned], limit))
    return evaluation


def _spec(job: TrainingJob, systems: list[System], limit: int | None) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "kind": "evaluate",
        "model": job.base_model.for_engine(),
        "data": {"rows": str(job.split.file("test")), "system_prompt": job.project.system_prompt},
        "task_type": job.project.task_type,
        "systems": [{"key": system.key, "name": system.name, **_weights(system)} for system in systems],
        "baseline": next(system.key for system in systems if system.is_baseline),
        "metrics": None,
        "generation": {"max_new_tokens": None, "batch_size": 8},
        "probes": {
            "suites": job.spec.get("probes", {}).get("suites", ["general"]),
            "files": job.spec.get("probes", {}).get("files", []),
        },
        "forgetting_limit": job.spec.get("probes", {}).get("forgetting_limit", 0.05),
        "limit": limit,
        "seed": 42,
    }


def _weights(system: System) -> dict[str, str | None]:
    """Where a system's weights lie: an adapter on the base model, or a whole model of its own."""
    if system.checkpoint is None:
        return {"adapter": None, "model": None}
    path = str(system.checkpoint.path)
    if (system.checkpoint.path / "adapter_config.json").is_file():
        return {"adapter": path, "model": None}
    return {"adapter": None, "model": path}
