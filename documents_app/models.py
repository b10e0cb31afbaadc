"""A document: a text that was uploaded to a project, stored under a generated name."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.urls import reverse

from projects_app.models import Project


class Document(models.Model):
    # The user's file name is only ever shown; the file is named by the key.
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="documents")
    name = models.CharField(max_length=255)
    size = models.BigIntegerField("bytes of its text")
    words = models.IntegerField()
    sha256 = models.CharField(max_length=64)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_document_per_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("document", args=[self.project_id, self.pk])

    @property
    def path(self) -> Path:
        return Path(settings.WORKBENCH_HOME) / "documents" / f"{self.key}.txt"

    def text(self) -> str:
        """Raises FileNotFoundError when the file has gone."""
        return self.path.read_text(encoding="utf-8")
