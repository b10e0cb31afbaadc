"""An export: a checkpoint in the form it leaves the workbench in, and what asking it again has shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from engine.export.forms import FORMS, load
from models_app.models import BaseModel
from runs_app.models import Run


class Export(models.Model):
    job = models.ForeignKey("training_jobs.TrainingJob", models.CASCADE, related_name="exports")
    run = models.OneToOneField(Run, models.CASCADE, related_name="export")
    checkpoint = models.ForeignKey("training_jobs.Checkpoint", models.PROTECT, related_name="exports")
    form = models.CharField(max_length=20)
    precision = models.CharField(max_length=20)
    part = models.CharField("rows asked again", max_length=12, blank=True)
    result: Any = models.JSONField(null=True, blank=True)
    base_model = models.ForeignKey(BaseModel, models.SET_NULL, null=True, blank=True, related_name="made_by")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.form_label} of {self.checkpoint}"

    def get_absolute_url(self) -> str:
        return reverse("export", args=[self.run.project_id, self.pk])

    @property
    def form_label(self) -> str:
        return str(load(self.form).TITLE) if self.form in FORMS else self.form

    @property
    def precision_label(self) -> str:
        return str(dict(load(self.form).PRECISIONS).get(self.precision, self.precision)) if self.form in FORMS else ""

    @property
    def folder(self) -> Path:
        return self.run.directory / "export"

    @property
    def is_there(self) -> bool:
        return self.folder.is_dir()

    @property
    def files(self) -> list[dict[str, Any]]:
        """{name, bytes, sha256} of what was written and is still there."""
        files = (self.result or {}).get("files", [])
        return [file for file in files if (self.folder / file["name"]).is_file()]
