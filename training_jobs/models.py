"""A training job is a run with a specification; its checkpoints are what it leaves behind."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from datasets_app.models import Split
from engine.adapters.table import ADAPTERS
from engine.decision.recommendation import EVAL_LOSS, TASK_SCORE, Candidate, Recommendation, candidates, recommend
from engine.evaluation.task_metrics import OFF, metric_of
from engine.methods.table import METHODS
from models_app.models import BaseModel
from projects_app.models import Project
from runs_app.models import Run
from training_jobs import export_models, plan_models  # noqa: F401  (more models of this app)


class TrainingJob(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="training_jobs")
    run = models.OneToOneField(Run, models.CASCADE, related_name="training_job")
    name = models.CharField(max_length=120)
    split = models.ForeignKey(Split, models.PROTECT, related_name="training_jobs")
    base_model = models.ForeignKey(BaseModel, models.PROTECT, related_name="training_jobs")
    method = models.CharField(max_length=20)
    adapter = models.CharField(max_length=20)
    spec = models.JSONField()
    estimate: Any = models.JSONField("what the preview expected of it", default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("training_job", args=[self.project_id, self.pk])

    @property
    def best_checkpoint(self) -> Checkpoint | None:
        """What an evaluation should take, of those still on the disk: the recommended one, else the best by validation
        loss, else the last."""
        there = [checkpoint for checkpoint in self.checkpoints.order_by("-is_best", "-step") if checkpoint.is_there]
        step = self.recommended({checkpoint.step for checkpoint in there}).step
        return next((one for one in there if one.step == step), there[0] if there else None)

    def candidates(self) -> list[Candidate]:
        """What was measured at each evaluation, the one before step 1 first, read from the run's events."""
        scores: dict[str, dict[str, float]] = {}
        baseline: dict[str, float] = {}
        sizes: dict[str, int] = {}
        measured = Q(kind="probe") | Q(data__eval_loss__isnull=False) | Q(data__task_score__isnull=False)
        for event in self.run.events.filter(measured).order_by("seq"):
            data, values = event.data, scores.setdefault(str(int(event.data.get("step") or 0)), {})
            if event.kind == "probe" and data.get("score") is not None:
                key = f"{data.get('suite')}/{data.get('measure')}"
                values[key] = float(data["score"])
                baseline.setdefault(key, float(data.get("baseline") or 0.0))
                if data.get("n"):
                    sizes[key] = int(data["n"])
            for name in (EVAL_LOSS, TASK_SCORE):
                if event.kind == "metric" and data.get(name) is not None:
                    values[name] = float(data[name])
        return candidates(scores, baseline, sizes, by=self.chosen_by)

    @property
    def chosen_by(self) -> str:
        """What the recommended checkpoint is the best by: ``eval_loss`` or ``task_score``."""
        return str((self.spec.get("training") or {}).get("choose_by") or EVAL_LOSS)

    @property
    def task_metric(self) -> str:
        """The metric that validation rows are answered for while it trains; empty where they are not."""
        training, data = self.spec.get("training") or {}, self.spec.get("data") or {}
        choice = training.get("task_metric") or OFF
        measured = choice != OFF and data.get("validation") and METHODS[self.method].data_shapes != ("text",)
        return metric_of(choice, data.get("task_type") or "") if measured else ""

    def recommended(self, saved: Collection[int]) -> Recommendation:
        """Which of the saved steps to take, and why, by the rule the engine keeps checkpoints by."""
        return recommend(self.candidates(), saved, -self.forgetting_limit, self.suite_titles)

    @property
    def suite_titles(self) -> dict[str, str]:
        """The names of the project's own rows that it is probed with, by the key of their suite."""
        return {file["key"]: file["title"] for file in self.spec.get("probes", {}).get("files", [])}

    @property
    def method_label(self) -> str:
        return METHODS[self.method].label if self.method in METHODS else self.method

    @property
    def adapter_label(self) -> str:
        return ADAPTERS[self.adapter].label if self.adapter in ADAPTERS else self.adapter

    @property
    def limit_words(self) -> str:
        return f"−{-self.forgetting_limit * 100:g} %"

    @property
    def forgetting_limit(self) -> float:
        """The relative change from which on a probe counts as forgotten, as a negative share."""
        return -float(self.spec.get("probes", {}).get("forgetting_limit", 0.05))


class PriceList(models.Model):
    """What an hour of a device costs in a project: the key is "here" or the name of a card."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="prices")
    currency = models.CharField(max_length=8, default="USD")
    per_hour: Any = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"Prices of {self.project.name}"


class Preset(models.Model):
    """Settings of a project that were given a name. ``values`` are the sections of a specification."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="presets")
    name = models.CharField(max_length=80)
    method = models.CharField(max_length=20)
    adapter = models.CharField(max_length=20)
    values: Any = models.JSONField(default=dict)
    left_out: Any = models.JSONField("lines of an imported file that have no place here", default=list)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_preset_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def adapter_label(self) -> str:
        return ADAPTERS[self.adapter].label if self.adapter in ADAPTERS else self.adapter


class Checkpoint(models.Model):
    job = models.ForeignKey(TrainingJob, models.CASCADE, related_name="checkpoints")
    step = models.BigIntegerField()
    folder = models.CharField("below the run's directory", max_length=200)
    sha256 = models.CharField(max_length=64, blank=True)
    scores: Any = models.JSONField(default=dict)
    is_best = models.BooleanField(default=False)
    is_final = models.BooleanField(default=False)

    class Meta:
        ordering = ["step"]
        constraints = [models.UniqueConstraint(fields=["job", "step"], name="one_checkpoint_per_step")]

    def __str__(self) -> str:
        return f"{self.job.name} · step {self.step}"

    @property
    def path(self) -> Path:
        return self.job.run.directory / self.folder

    @property
    def is_there(self) -> bool:
        """False once it was removed to keep only the newest and the best."""
        return self.path.is_dir()
