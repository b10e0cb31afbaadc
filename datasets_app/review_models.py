"""What people decide about rows and findings. A row is named by its identity (SHA-256 of it as canonical JSON), so that
a decision stays with it in every version of the dataset."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class RowMark(models.Model):
    """What is noted about a row of a dataset: reviewed or not, and a note; its tags are rows of their own."""

    dataset = models.ForeignKey("datasets_app.Dataset", models.CASCADE, related_name="marks")
    row_id = models.CharField(max_length=64)
    reviewed = models.BooleanField(default=False)
    note = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "row_id"], name="one_mark_per_row")]

    def __str__(self) -> str:
        return f"Mark on {self.row_id[:12]}"


class RowTag(models.Model):
    mark = models.ForeignKey(RowMark, models.CASCADE, related_name="tags")
    tag = models.CharField(max_length=40)

    class Meta:
        ordering = ["tag"]
        constraints = [models.UniqueConstraint(fields=["mark", "tag"], name="one_tag_once_per_row")]

    def __str__(self) -> str:
        return self.tag


class Decision(models.TextChoices):
    ACCEPTED = "accepted", "Accepted: to be mended"
    DISMISSED = "dismissed", "Dismissed: fine as it is"


class FindingDecision(models.Model):
    """What was decided about a finding of a version; with ``row_id``, about that finding in one row. It holds for the
    versions made from it, too, until one is taken there."""

    version = models.ForeignKey("datasets_app.DatasetVersion", models.CASCADE, related_name="decisions")
    code = models.CharField(max_length=60)
    row_id = models.CharField(max_length=64, blank=True)
    decision = models.CharField(max_length=10, choices=Decision.choices)
    note = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["version", "code", "row_id"], name="one_decision_per_finding")]

    def __str__(self) -> str:
        return f"{self.code}: {self.decision}"


class Waiting(models.Model):
    """One change in a person's basket for a version, not applied yet. ``key`` names the row (edit) or, by the identity
    of its first row, the group (resolve, dedupe) that it is about."""

    version = models.ForeignKey("datasets_app.DatasetVersion", models.CASCADE, related_name="waiting")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    op = models.CharField(max_length=10, choices=[(op, op) for op in ("edit", "resolve", "dedupe")])
    key = models.CharField(max_length=140)
    data: Any = models.JSONField()
    # The repair that applies it now. The change is thrown away when that one has made its version, not before.
    repair = models.ForeignKey("datasets_app.Repair", models.SET_NULL, null=True, related_name="waiting")
    at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["version", "user", "op", "key"], name="one_change_per_place")]

    def __str__(self) -> str:
        return f"{self.op} {self.key[:12]}"


class ValuesShown(models.Model):
    """Somebody had the personal data of a row shown. Never changed, never deleted by hand."""

    version = models.ForeignKey("datasets_app.DatasetVersion", models.CASCADE, related_name="values_shown")
    number = models.BigIntegerField("row")
    row_id = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Row {self.number} of {self.version}, shown to {self.by}"


class CurrentChange(models.Model):
    """Which version of a dataset people work on, and who said so when. Never changed, never deleted by hand."""

    dataset = models.ForeignKey("datasets_app.Dataset", models.CASCADE, related_name="current_changes")
    version = models.ForeignKey("datasets_app.DatasetVersion", models.CASCADE, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.version} made current"
