"""An evaluation runs systems over the same rows; each output keeps its scores, so that every figure can be opened."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from datasets_app.models import DatasetVersion, Split
from eval_app import own_metric_models, verdict_models  # noqa: F401  (more models of this app)
from models_app.models import BaseModel, Endpoint
from projects_app.models import Project
from runs_app.models import Run
from training_jobs.models import Checkpoint


class Evaluation(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="evaluations")
    run = models.OneToOneField(Run, models.CASCADE, related_name="evaluation")
    name = models.CharField(max_length=120)
    # The rows asked: a part of a split, or a whole version (a test file made by hand, a benchmark).
    split = models.ForeignKey(Split, models.PROTECT, null=True, blank=True, related_name="evaluations")
    version = models.ForeignKey(DatasetVersion, models.PROTECT, null=True, blank=True, related_name="evaluations")
    part = models.CharField(max_length=12, default="test")
    results: Any = models.JSONField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("evaluation", args=[self.project_id, self.pk])


class System(models.Model):
    """One of the systems under test: a kind (engine/evaluation/systems), its options, and whose answers it gives."""

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="systems")
    key = models.CharField(max_length=40)
    name = models.CharField(max_length=160)
    kind = models.CharField(max_length=20, default="base")
    options: Any = models.JSONField(default=dict)
    is_baseline = models.BooleanField(default=False)
    base_model = models.ForeignKey(BaseModel, models.PROTECT, null=True, blank=True, related_name="+")
    checkpoint = models.ForeignKey(Checkpoint, models.PROTECT, null=True, blank=True, related_name="systems")
    # Its answers stay when the endpoint goes.
    endpoint = models.ForeignKey(Endpoint, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["evaluation", "key"], name="one_key_per_system")]

    def __str__(self) -> str:
        return self.name


class EvaluationRow(models.Model):
    """One row of the evaluated part: its prompt and reference, and how the systems did on it."""

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="rows")
    position = models.IntegerField()
    row_id = models.CharField(max_length=64)
    line = models.BigIntegerField()
    messages: Any = models.JSONField()
    reference = models.TextField(blank=True)
    # What slices are made of: {"label": …, "length": …, "language": …, "tags": […], …}.
    facts: Any = models.JSONField(default=dict)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["evaluation", "position"], name="one_row_per_position")]

    def __str__(self) -> str:
        return f"{self.evaluation.name} row {self.position}"


class RowFact(models.Model):
    """A slice a row lies in. Facts hold lists, which SQLite and PostgreSQL ask in different ways; this both index."""

    row = models.ForeignKey(EvaluationRow, models.CASCADE, related_name="slices")
    by = models.CharField(max_length=20)
    value = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["row", "by", "value"], name="one_fact_once_per_row")]

    def __str__(self) -> str:
        return f"{self.by} {self.value}"


class Output(models.Model):
    row = models.ForeignKey(EvaluationRow, models.CASCADE, related_name="outputs")
    system = models.ForeignKey(System, models.CASCADE, related_name="outputs")
    text = models.TextField(blank=True)
    scores: Any = models.JSONField(default=dict)
    # By the measure that decides (eval_app/deciding.py), so that more is better; None where it says nothing.
    score = models.FloatField(null=True, blank=True)
    right = models.BooleanField(null=True, blank=True)
    # Against the baseline, by the metric that decides: "win", "loss", "both" or "neither" right; "" for the baseline.
    outcome = models.CharField(max_length=8, blank=True, db_index=True)
    refused = models.BooleanField(default=False)
    invalid = models.BooleanField("not in the format that was asked for", default=False)
    problem = models.TextField("why there is no answer", blank=True)
    retrieved: Any = models.JSONField(null=True, blank=True)
    latency_s = models.FloatField(null=True, blank=True)
    first_token_s = models.FloatField(null=True, blank=True)
    cost = models.FloatField(null=True, blank=True)
    tokens_in = models.IntegerField(default=0)
    tokens_out = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["row", "system"], name="one_output_per_row_and_system")]

    def __str__(self) -> str:
        return f"{self.system.name} on row {self.row_id}"


class RowNote(models.Model):
    """What somebody says about a row of an evaluation. By its place: recording the rows again must not lose it."""

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="notes")
    position = models.IntegerField()
    text = models.CharField(max_length=2000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["evaluation", "position"], name="note_by_row")]

    def __str__(self) -> str:
        return f"{self.by} on row {self.position} of {self.evaluation}"
