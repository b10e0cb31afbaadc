"""A plan: runs that wait for one another. Its steps are rows, so that it goes on after any restart."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from projects_app.models import Membership, Project, Role
from runs_app.models import Run, Status


class PlanState(models.TextChoices):
    GOING = "going", "Going"
    NEEDS_YOU = "needs_you", "Needs you"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Stopped"


OPEN = (PlanState.GOING, PlanState.NEEDS_YOU)
GONE = (Status.FAILED, Status.CANCELLED)


class PlanQuerySet(models.QuerySet["Plan"]):
    def due(self) -> PlanQuerySet:
        """Those that may have something to do: going ones, and failed ones whose failed run was put back by hand."""
        back = Q(state=PlanState.FAILED, failed_run__isnull=False) & ~Q(failed_run__status__in=GONE)
        return self.filter(Q(state=PlanState.GOING) | back)

    def waiting_for(self, user: Any) -> PlanQuerySet:
        """Those that wait for a person, of projects in which this one may act."""
        mine = self.filter(project__memberships__user_id=user.pk).exclude(
            project__memberships__in=Membership.objects.filter(user_id=user.pk, role=Role.READER)
        )
        return mine.filter(state=PlanState.NEEDS_YOU).select_related("project")


class Plan(models.Model):
    """``kind`` is a key of plan_kinds.PLANS. ``failed_run`` is the run that ended it, if it was one."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="plans")
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=12, choices=PlanState.choices, default=PlanState.GOING)
    reason_text = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    failed_run = models.ForeignKey(Run, models.SET_NULL, null=True, blank=True, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Plan {self.pk} · {self.name}"

    def get_absolute_url(self) -> str:
        return reverse("plan", args=[self.project_id, self.pk])

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def current(self) -> PlanStep | None:
        """The step that is under way, or next."""
        return next((step for step in self.steps.select_related("run").order_by("position") if not step.done), None)


class PlanStep(models.Model):
    """``kind`` is a key of plan_steps.STEPS; ``given`` is what it was asked, ``made`` what later steps take from it."""

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="steps")
    position = models.IntegerField()
    kind = models.CharField(max_length=12)
    title = models.CharField(max_length=160)
    given = models.JSONField(default=dict)
    made: Any = models.JSONField(default=dict)
    run = models.ForeignKey(Run, models.SET_NULL, null=True, blank=True, related_name="plan_steps")
    done = models.BooleanField(default=False)

    class Meta:
        ordering = ["plan_id", "position"]
        constraints = [models.UniqueConstraint(fields=["plan", "position"], name="one_step_per_position")]

    def __str__(self) -> str:
        return f"{self.plan}, step {self.position + 1}: {self.title}"

    @property
    def waits_for(self) -> str:
        """In words, what has to happen before it begins; empty once it has begun."""
        if self.done or self.run_id:
            return ""
        before = self.plan.steps.filter(position=self.position - 1).first()
        if before is None or before.done:
            return "waits for you" if self.plan.state == PlanState.NEEDS_YOU else "begins within seconds"
        return f"waits for run {before.run_id}" if before.run_id else f"waits for step {before.position + 1}"
