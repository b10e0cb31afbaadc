"""A review of an evaluation, the rows it shows as they were, who looks at them, and what each of them decided."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from datasets_app.models import DatasetVersion, Repair
from eval_app.models import Evaluation
from projects_app.models import Project


class Review(models.Model):
    """``systems`` are keys of the evaluation's systems; who they are is for the results page alone."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="reviews")
    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="reviews")
    systems: Any = models.JSONField()
    only_different = models.BooleanField(default=False)
    show_reference = models.BooleanField(default=False)
    instructions = models.TextField(blank=True)
    overlap = models.FloatField("share of the rows that everybody sees", default=1.0)
    seed = models.BigIntegerField(default=42)
    # Rows drawn and not shown because all answers were the same, and rows that could not be drawn for want of one.
    equal = models.IntegerField(default=0)
    unanswered = models.IntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Blind review {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("review", args=[self.project_id, self.pk])

    @property
    def is_over(self) -> bool:
        """Closed by hand, or everybody has finished."""
        return self.closed_at is not None or not self.reviewers.filter(finished_at=None).exists()


class ReviewItem(models.Model):
    """One row with the answers that are compared, as they were when the review began: an evaluation that is run again
    does not change what people have judged."""

    review = models.ForeignKey(Review, models.CASCADE, related_name="items")
    position = models.IntegerField("of the row in its evaluation")
    row_id = models.CharField(max_length=64)
    messages: Any = models.JSONField()
    reference = models.TextField(blank=True)
    texts: Any = models.JSONField("system key → its answer")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["review", "position"], name="one_item_per_row")]

    def __str__(self) -> str:
        return f"Row {self.position} of {self.review}"


class Reviewer(models.Model):
    """A person in a review. Who finished sees the results and changes nothing any more."""

    review = models.ForeignKey(Review, models.CASCADE, related_name="reviewers")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="reviewing")
    finished_at = models.DateTimeField(null=True, blank=True)
    # An owner may look at the results before the own part is done; what is decided after it is no longer blind.
    unblinded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["review", "user"], name="one_part_per_person")]

    def __str__(self) -> str:
        return f"{self.user} in {self.review}"


class Answer(models.TextChoices):
    OPEN = "", "Open"
    WON = "won", "Chosen"
    TIE = "tie", "Equally good"
    NEITHER = "neither", "Neither"
    SKIP = "skip", "Skipped"


class Decision(models.Model):
    """One person and one row, made when the review begins; ``order`` has the systems from left to right."""

    reviewer = models.ForeignKey(Reviewer, models.CASCADE, related_name="decisions")
    item = models.ForeignKey(ReviewItem, models.CASCADE, related_name="decisions")
    number = models.IntegerField("in this person's order, from 1")
    order: Any = models.JSONField()
    answer = models.CharField(max_length=8, choices=Answer.choices, blank=True, default=Answer.OPEN)
    place = models.IntegerField("that was chosen, from 1 at the left", null=True, blank=True)
    comment = models.TextField(blank=True)
    seconds = models.FloatField(default=0)
    shown_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["reviewer", "number"], name="one_number_per_part"),
            models.UniqueConstraint(fields=["reviewer", "item"], name="one_decision_per_person_and_row"),
        ]

    def __str__(self) -> str:
        return f"{self.reviewer}: {self.number}"

    @property
    def said(self) -> str:
        """The answer as a form sends it: a place, "tie", "neither", "skip", or nothing while it is open."""
        return str(self.place) if self.answer == Answer.WON else self.answer


class PreferenceSet(models.Model):
    """Preference rows made of a review, and the evaluation rows they teach: a model that learnt them has seen those.
    They are a data set of their own (``version``), or ``repair`` adds them to one."""

    review = models.ForeignKey(Review, models.CASCADE, related_name="preference_sets")
    version = models.OneToOneField(DatasetVersion, models.CASCADE, null=True, related_name="preferences")
    repair = models.OneToOneField(Repair, models.CASCADE, null=True, related_name="preferences")
    by = models.CharField(max_length=10)
    row_ids: Any = models.JSONField("identities of the evaluation's rows")
    counts: Any = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Preferences of {self.review}"

    @property
    def made(self) -> DatasetVersion | None:
        """The version that holds them, once there is one."""
        return self.version if self.repair is None else self.repair.child
