"""A project's own metrics: one expression each over prompt, reference and output."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from engine.evaluation.own_metrics import DIRECTIONS, UNITS
from projects_app.models import Project

MOST = 30
"""Metrics of one project: every answer is scored by each."""


class OwnMetric(models.Model):
    """Results keep what a metric was when they were made: changing or deleting one changes no result."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="own_metrics")
    # In spec.json and results.json; it stays when the label changes, so that figures can be told apart.
    name = models.CharField(max_length=40)
    label = models.CharField(max_length=60)
    expression = models.TextField()
    direction = models.CharField(max_length=8, choices=DIRECTIONS, default="higher")
    unit = models.CharField(max_length=8, choices=UNITS, default="share")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["label", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_own_metric_per_name")]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        return reverse("own_metric", args=[self.project_id, self.pk])

    def for_engine(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "label": self.label,
            "expression": self.expression,
            "direction": self.direction,
            "unit": self.unit,
        }
