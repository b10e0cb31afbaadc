"""What a project asks of a system, every verdict with what it was made from, and the causes people gave failures."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from engine.evaluation.diagnosis import CAUSES
from engine.evaluation.limits import GateLimits, read_limits
from projects_app.models import Project


class GateSettings(models.Model):
    """The gates of a project as somebody set them. Each change is a row; the newest is in force, none is changed."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="gate_settings")
    # Of engine.evaluation.limits.GateLimits: what is absent takes the default there.
    limits: Any = models.JSONField(default=dict)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Gates of {self.project}, {self.changed_at:%Y-%m-%d %H:%M}"


class Verdict(models.Model):
    """A decision about an evaluation, with everything it was made from. A new one stands beside the old."""

    evaluation = models.ForeignKey("eval_app.Evaluation", models.CASCADE, related_name="decided")
    word = models.CharField(max_length=20)
    decided_by = models.CharField(max_length=30, blank=True)
    candidate = models.CharField(max_length=40, blank=True)
    sentence = models.TextField()
    # Every candidate before every gate (results["gates"]).
    gates: Any = models.JSONField(default=dict)
    limits: Any = models.JSONField(default=dict)
    # Digest of what was measured, rows, systems, data and engine: the same of all these gives the same words.
    made_from: Any = models.JSONField(default=dict)
    # Empty for the first one, which the evaluation itself made.
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.word}: {self.evaluation}"


class CauseLabel(models.Model):
    """The cause a person gave a failed row of a system. The newest of a row counts; by its identity, for rows are taken
    in anew when an evaluation is recorded again."""

    evaluation = models.ForeignKey("eval_app.Evaluation", models.CASCADE, related_name="cause_labels")
    system = models.ForeignKey("eval_app.System", models.CASCADE, related_name="cause_labels")
    position = models.IntegerField()
    row_id = models.CharField(max_length=64)
    cause = models.CharField(max_length=30, choices=[(name, cause.label) for name, cause in CAUSES.items()])
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_cause_display()} · row {self.position + 1} · {self.system}"


def limits_of(project: Project) -> GateLimits:
    """The gates in force; those of the engine where nobody has changed them."""
    newest = GateSettings.objects.filter(project=project).first()
    return read_limits(newest.limits if newest else None)
