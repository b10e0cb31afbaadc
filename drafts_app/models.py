"""A batch of drafted rows and each of its rows, with what a person decided about it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from datasets_app.models import DatasetVersion, Repair
from models_app.models import BaseModel, Endpoint
from runs_app.models import Run, Status


class State(models.TextChoices):
    WAITING = "waiting", "Waiting"
    ACCEPTED = "accepted", "Accepted"
    EDITED = "edited", "Edited and accepted"
    REJECTED = "rejected", "Rejected"
    UNUSABLE = "unusable", "Unusable"


TAKEN = (State.ACCEPTED, State.EDITED)


class DraftBatch(models.Model):
    """``teacher`` is {kind, name, model, host}: it stays readable when the endpoint is deleted. ``asked`` is what
    was asked for; ``offset`` is how far candidates.jsonl was taken in."""

    version = models.ForeignKey(DatasetVersion, models.CASCADE, related_name="draft_batches")
    run = models.OneToOneField(Run, models.CASCADE, related_name="draft")
    mode = models.CharField(max_length=10)
    teacher = models.JSONField()
    endpoint = models.ForeignKey(Endpoint, models.SET_NULL, null=True, related_name="+")
    base_model = models.ForeignKey(BaseModel, models.PROTECT, null=True, related_name="+")
    asked = models.JSONField()
    result = models.JSONField(default=dict)
    offset = models.BigIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Drafts {self.pk} for {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("draft", args=[self.run.project_id, self.pk])

    @property
    def teacher_name(self) -> str:
        return str(self.teacher.get("name", ""))

    def open_rows(self) -> models.QuerySet[DraftRow]:
        """Drafts that can be decided on: usable, and in no version (nor in a repair that may still make one)."""
        lost = models.Q(repair__run__status__in=(Status.FAILED, Status.CANCELLED))
        return self.rows.filter(models.Q(repair=None) | lost).exclude(state=State.UNUSABLE)

    def to_add(self) -> models.QuerySet[DraftRow]:
        """Accepted rows that no version has yet."""
        return self.open_rows().filter(state__in=TAKEN).order_by("number")


class DraftRow(models.Model):
    batch = models.ForeignKey(DraftBatch, models.CASCADE, related_name="rows")
    number = models.IntegerField()
    row = models.JSONField("as the teacher wrote it", null=True)
    raw = models.TextField(blank=True)
    problem = models.TextField(blank=True)
    flags = models.JSONField(default=list)
    seeds = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    edited = models.JSONField("as a person rewrote it", null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    repair = models.ForeignKey(Repair, models.SET_NULL, null=True, related_name="drafted")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="one_number_per_draft")]
        indexes = [models.Index(fields=["batch", "state", "number"])]

    def __str__(self) -> str:
        return f"Draft {self.number} of batch {self.batch_id}"

    @property
    def now(self) -> dict[str, Any] | None:
        """The row as it would enter a version."""
        return self.edited if self.edited is not None else self.row

    @property
    def is_added(self) -> bool:
        return self.repair is not None and self.repair.run.status not in (Status.FAILED, Status.CANCELLED)
