"""`{% load runs %}`: why a queued run waits, and how far a running one is, in words."""

from __future__ import annotations

from django import template
from django.db.models import Q

from runs_app import dispatching
from runs_app.models import Run, Status

register = template.Library()


@register.filter
def waiting_reason(run: Run) -> str:
    """ "Waiting for cpu; 1 ahead", or "Next" when nothing is in the way but the doorbell."""
    if run.status != Status.QUEUED:
        return ""
    alike = Run.objects.filter(exclusive=run.exclusive)
    ahead = alike.queued().filter(Q(queued_at__lt=run.queued_at) | Q(queued_at=run.queued_at, pk__lt=run.pk)).count()
    places = len(dispatching.exclusive_slots()) if run.exclusive else dispatching.MOST_SHARED
    if not ahead and alike.active().filter(host=dispatching.HOST).count() < places:
        return "Next: a worker picks it up within seconds"
    what = (
        " or ".join(slot.rpartition(":")[2] for slot in dispatching.exclusive_slots())
        if run.exclusive
        else "a free place"
    )
    return f"Waiting for {what}; {ahead} ahead in the queue" if ahead else f"Waiting for {what}; next in the queue"


@register.filter
def step_words(run: Run) -> str:
    return f"Step {run.step:,} of {run.total:,}" if run.total else ""


@register.filter
def left(seconds: float | None) -> str:
    """How long still, as static/js/live-fields.js writes it."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 60:
        return f"about {whole} s left"
    if whole < 3600:
        return f"about {whole // 60} min {whole % 60:02d} s left"
    return f"about {whole // 3600} h {whole % 3600 // 60:02d} min left"


@register.filter
def percent_words(run: Run) -> str:
    return "" if run.percent is None else f"{run.percent} %"
