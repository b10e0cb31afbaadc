"""A base model: a folder of safetensors with its tokenizer and chat template, known by its facts. An endpoint: a model
behind an OpenAI-compatible API, that a project may ask."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.urls import reverse

from models_app import sealing
from projects_app.models import Project


class BaseModelQuerySet(models.QuerySet["BaseModel"]):
    def usable_in(self, project: Project) -> BaseModelQuerySet:
        """What a project may start from: what everybody has, and what its own runs made."""
        return self.filter(models.Q(project=None) | models.Q(project=project))

    def visible_to(self, user: Any) -> BaseModelQuerySet:
        return self.filter(models.Q(project=None) | models.Q(project__memberships__user_id=user.pk)).distinct()


class BaseModel(models.Model):
    # Set for a model that a run of this project made: it may give away what it was trained on.
    project = models.ForeignKey(Project, models.CASCADE, null=True, blank=True, related_name="base_models")
    name = models.CharField(max_length=120, unique=True)
    # As seen from WORKBENCH_HOME/models (what a run made lies beside it), or absolute when an administrator registered
    # a folder of the machine.
    folder = models.CharField(max_length=500)
    licence = models.CharField(max_length=80, blank=True)
    parameters = models.BigIntegerField()
    context_length = models.IntegerField()
    config = models.JSONField()
    about = models.JSONField("what it can and cannot do, where it came from", default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BaseModelQuerySet.as_manager()

    class Meta:
        ordering = ["parameters", "name"]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return Path(os.path.normpath(Path(settings.WORKBENCH_HOME) / "models" / self.folder))

    @property
    def is_there(self) -> bool:
        return (self.path / "config.json").is_file()

    def for_engine(self) -> dict[str, Any]:
        """What a run needs to know of it, as plain JSON."""
        return {"path": str(self.path), "name": self.name}


# A key this short would be half told by its last four characters.
LEAST_FOR_END = 16


class Endpoint(models.Model):
    """It belongs to a project: who is not in it neither sees nor spends its key. The key itself is sealed; pages show
    its last four characters."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="endpoints")
    name = models.CharField(max_length=80)
    base_url = models.CharField("base URL", max_length=300)
    model = models.CharField("model name", max_length=200)
    sealed_key = models.TextField(blank=True)
    key_end = models.CharField(max_length=4, blank=True)
    per_minute = models.IntegerField("requests a minute", default=60)
    timeout_s = models.IntegerField("timeout", default=60)
    price_in = models.DecimalField("price of input", max_digits=10, decimal_places=4, null=True, blank=True)
    price_out = models.DecimalField("price of output", max_digits=10, decimal_places=4, null=True, blank=True)
    tested_at = models.DateTimeField(null=True)
    test_passed = models.BooleanField(default=False)
    test_said = models.CharField(max_length=600, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_endpoint_per_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("endpoints", args=[self.project_id])

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    @property
    def has_key(self) -> bool:
        return bool(self.sealed_key)

    def set_key(self, key: str) -> None:
        self.sealed_key = sealing.seal(key) if key else ""
        self.key_end = key[-4:] if len(key) >= LEAST_FOR_END else ""

    def key(self) -> str:
        """The key in the clear, for a request or a run's process. Raises sealing.Unreadable."""
        return sealing.unseal(self.sealed_key) if self.sealed_key else ""

    def for_engine(self) -> dict[str, Any]:
        """What a run needs to know of it, as plain JSON; the key goes another way."""
        return {
            "kind": "endpoint",
            "name": self.name,
            "base_url": self.base_url,
            "model": self.model,
            "per_minute": self.per_minute,
            "timeout_s": self.timeout_s,
            "has_key": self.has_key,
            "allow_private": settings.ALLOW_PRIVATE_ENDPOINTS,
        }
