"""A dataset is a line of versions; a version is a file that never changes, with the operation that made it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from datasets_app import review_models  # noqa: F401  (more models of this app)
from models_app.models import BaseModel
from projects_app.models import Project
from runs_app.models import Run

# Tokens kept of a row where nobody says otherwise.
CUTOFF_LEN = 2048


def stored_path(sha256: str) -> Path:
    """Where the bytes with this SHA-256 lie: content-addressed, so the same file is stored once."""
    return Path(settings.WORKBENCH_HOME) / "datasets" / sha256[:2] / f"{sha256}.jsonl"


class Upload(models.Model):
    """A file on its way in, slice by slice (tus 1.0). ``key`` is random; the user's file name is only ever shown."""

    key = models.UUIDField(default=uuid.uuid4, unique=True)
    project = models.ForeignKey(Project, models.CASCADE, related_name="uploads")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    filename = models.CharField(max_length=255)
    size = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    version = models.ForeignKey("DatasetVersion", models.SET_NULL, null=True, related_name="uploads")
    # Opens the file where that takes longer than a request may; the file stays until the version exists.
    run = models.OneToOneField(Run, models.SET_NULL, null=True, related_name="upload")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.filename

    @property
    def path(self) -> Path:
        return Path(settings.WORKBENCH_HOME) / "uploads" / f"{self.key}.part"

    @property
    def is_being_opened(self) -> bool:
        return self.run is not None and not self.run.has_ended

    @property
    def offset(self) -> int:
        """How much is really here: a killed server may have written the file or the row, and not the other."""
        on_disk = self.path.stat().st_size if self.path.exists() else 0
        return min(self.received, on_disk)


class Dataset(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=120)
    # The version people work on; without one, the newest. Nothing is deleted by going back to an earlier one.
    current = models.ForeignKey("DatasetVersion", models.SET_NULL, null=True, blank=True, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name

    def add_version(self, **fields: Any) -> DatasetVersion:
        """The next version in the line. Called inside a transaction: the number is read and taken in one."""
        newest = Dataset.objects.select_for_update().get(pk=self.pk).versions.first()
        return self.versions.create(number=newest.number + 1 if newest else 1, **fields)


class DatasetVersion(models.Model):
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="versions")
    number = models.IntegerField()
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    operation = models.JSONField("the operation that made it", default=dict)
    filename = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField("bytes")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="one_number_per_version")]

    def __str__(self) -> str:
        return f"{self.dataset.name} v{self.number}"

    @property
    def path(self) -> Path:
        return stored_path(self.sha256)

    @property
    def audit(self) -> Audit | None:
        """The newest audit, ended or not."""
        return self.audits.order_by("-id").first()

    def audited(self) -> Audit | None:
        """The newest audit that has a result: one that runs, failed or was stopped after it takes nothing away."""
        return self.audits.filter(document__isnull=False).order_by("-id").first()

    def get_absolute_url(self) -> str:
        return reverse("version", args=[self.dataset.project_id, self.pk])


class Audit(models.Model):
    """What is known about a version: the engine's document in short, its index of rows on disk beside the run."""

    version = models.ForeignKey(DatasetVersion, models.CASCADE, related_name="audits")
    run = models.OneToOneField(Run, models.CASCADE, related_name="audit")
    base_model = models.ForeignKey(BaseModel, models.PROTECT, null=True, related_name="+")
    # Rows that a model trained on this version will be judged by: the audit looks for them among its own.
    against = models.ForeignKey(DatasetVersion, models.PROTECT, null=True, related_name="+")
    # A sample of what people really ask: the audit says which of it the rows lack.
    production = models.ForeignKey(DatasetVersion, models.PROTECT, null=True, related_name="+")
    cutoff_len = models.IntegerField("cutoff length, in tokens", default=CUTOFF_LEN)
    document = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Audit of {self.version}"

    @property
    def folder(self) -> Path:
        return self.run.directory / "audit"

    @property
    def refused(self) -> dict[str, Any] | None:
        return (self.document or {}).get("refused")


class Repair(models.Model):
    """Operations on a version; when they have run, the version they made."""

    version = models.ForeignKey(DatasetVersion, models.CASCADE, related_name="repairs")
    run = models.OneToOneField(Run, models.CASCADE, related_name="repair")
    operations = models.JSONField()
    child = models.ForeignKey(DatasetVersion, models.SET_NULL, null=True, related_name="made_by")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Repair of {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("repair", args=[self.run.project_id, self.pk])


class Split(models.Model):
    """Train, validation and test rows of a version: seeded, duplicates on one side, frozen by row identities."""

    version = models.ForeignKey(DatasetVersion, models.CASCADE, related_name="splits")
    run = models.OneToOneField(Run, models.CASCADE, related_name="split")
    seed = models.BigIntegerField(default=42)
    fractions = models.JSONField()
    # Only what differs from the engine's defaults: strategy, column, drop_leaked, and ``test`` (key of a version).
    options = models.JSONField(default=dict)
    result = models.JSONField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Split {self.pk} of {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("split", args=[self.run.project_id, self.pk])

    @property
    def is_ready(self) -> bool:
        return self.result is not None

    def file(self, part: str) -> Path:
        """``part`` is train, validation or test."""
        if part not in ("train", "validation", "test"):
            raise ValueError(part)
        return self.run.directory / "split" / f"{part}.jsonl"

    @property
    def leaks(self) -> Path:
        """The rows of this version that stand in the test file: one JSON object a line, where there are any."""
        return self.run.directory / "split" / "leaked.jsonl"

    def rows(self, part: str) -> int:
        return int((self.result or {}).get("counts", {}).get(part, 0))
