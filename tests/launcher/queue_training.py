"""`python -m tests.launcher.queue_training MODEL_FOLDER`: put a long training into a started workbench's queue.

A process of its own, because a test's own Django stands on the test database. Prints the run's number.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django


def queue(model_folder: Path) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    django.setup()
    from django.contrib.auth.models import User

    from runs_app import dispatching
    from runs_app.models import Run
    from tests.world import World
    from training_jobs.models import TrainingJob

    User.objects.update(username="me")  # the cast has an owner of its own
    world = World.make(model_folder)
    split = world.split(train=64)
    spec = {
        "schema_version": 1,
        "kind": "train",
        "model": {"path": str(model_folder), "name": "Tiny"},
        "data": {"train": str(split.file("train")), "validation": None, "system_prompt": ""},
        "method": "sft",
        "adapter": "lora",
        "training": {"num_train_epochs": 500, "per_device_train_batch_size": 1, "cutoff_len": 256, "save_steps": 5000},
        "probes": {"suites": [], "forgetting_limit": 0.05},
    }
    run: Run = world.run(kind="train", title="long", status="failed")
    TrainingJob.objects.create(
        project=world.project,
        run=run,
        name="long",
        split=split,
        base_model=world.base_model,
        method="sft",
        adapter="lora",
        spec=spec,
        created_by=world.owner,
    )
    # Queued only now: the worker of the started workbench looks every two seconds.
    run.status = "queued"
    run.save(update_fields=["status"])
    dispatching.enqueue(run, spec)
    return run.pk


if __name__ == "__main__":
    print(queue(Path(sys.argv[1])))
