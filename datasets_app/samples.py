"""Try the sample: a project with data that has every common fault planted in it."""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from datasets_app import launching
from datasets_app.models import DatasetVersion
from datasets_app.receiving import add_dataset, store_copy
from engine import samples
from projects_app.models import Project
from projects_app.views import add_project

SAMPLE = "support_tickets"


def make_project(user: User) -> DatasetVersion:
    """A new sample project owned by ``user``; returns its training data, whose audit is on its way.

    The sample's held-out file becomes a dataset of its own, and the audit looks for its rows among the training ones.
    """
    sample = samples.load(SAMPLE)
    stored = {file: store_copy(file) for file in (sample.train_file, sample.test_file)}
    with transaction.atomic():
        project = add_project(
            Project(
                name=sample.project_name,
                purpose=sample.purpose,
                task_type=sample.task_type,
                system_prompt=sample.system_prompt,
                is_sample=True,
            ),
            user,
        )
        held_out = _add(project, user, sample.test_file, *stored[sample.test_file])
        version = _add(project, user, sample.train_file, *stored[sample.train_file])
        launching.start_audit(version, user, against=held_out)
    return version


def _add(project: Project, user: User, file: Path, sha256: str, size: int) -> DatasetVersion:
    version = add_dataset(project, user, filename=file.name, sha256=sha256, size=size)
    version.operation = {"op": "sample"}
    version.save(update_fields=["operation"])
    return version
