"""`{% load plans %}`: steps of plans that wait, for the queue of all projects."""

from __future__ import annotations

from typing import Any

from django import template

from training_jobs.plan_models import OPEN, Plan, PlanStep

register = template.Library()


@register.simple_tag
def waiting_steps(user: Any) -> list[PlanStep]:
    """Steps that have no run yet, of open plans of the person's projects, in the order in which they come."""
    mine = Plan.objects.filter(state__in=OPEN, project__memberships__user_id=user.pk)
    steps = PlanStep.objects.filter(plan__in=mine, done=False, run=None)
    return list(steps.select_related("plan__project", "plan__created_by").order_by("plan_id", "position"))
