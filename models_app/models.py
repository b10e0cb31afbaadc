"""A base model: a folder of safetensors with its tokenizer and chat template, known by its facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models


class BaseModel(models.Model):
    name = models.CharField(max_length=120, unique=True)
    # Below WORKBENCH_HOME/models, or absolute when an administrator registered a folder of the machine.
    folder = models.CharField(max_length=500)
    licence = models.CharField(max_length=80, blank=True)
    parameters = models.BigIntegerField()
    context_length = models.IntegerField()
    config = models.JSONField()
    about = models.JSONField("what it can and cannot do, where it came from", default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["parameters", "name"]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return Path(settings.WORKBENCH_HOME) / "models" / self.folder

    @property
    def is_there(self) -> bool:
        return (self.path / "config.json").is_file()

    def for_engine(self) -> dict[str, Any]:
        """What a run needs to know of it, as plain JSON."""
        return {"path": str(self.path), "name": self.name}
