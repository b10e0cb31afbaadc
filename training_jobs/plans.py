"""What moves a plan: looked at by every beat of the queue, it starts the next step when the one before has succeeded.

All of it is read from the database and done in one transaction a plan, so it may be called any number of times, by any
number of workers, and after any restart.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from datasets_app.launching import NotReady
from engine.errors import EngineError
from models_app.registering import NotAModel
from projects_app.access import can_write
from projects_app.models import Project
from runs_app.models import Run, Status, Wanted
from training_jobs.plan_models import GONE, OPEN, Plan, PlanState, PlanStep
from training_jobs.plan_steps import STEPS

log = logging.getLogger(__name__)
AGAIN = "Mend it, then press Go on."


@dataclass(frozen=True)
class Wish:
    """A step of a plan that is to be made."""

    kind: str
    title: str
    given: dict[str, Any] = field(default_factory=dict)


def make(project: Project, kind: str, name: str, wishes: Sequence[Wish], user: User) -> Plan:
    """A new plan, its first step begun."""
    with transaction.atomic():
        plan = Plan.objects.create(project=project, kind=kind, name=name, created_by=user)
        for position, wish in enumerate(wishes):
            PlanStep.objects.create(
                plan=plan, position=position, kind=wish.kind, title=wish.title[:160], given=wish.given
            )
    advance(plan.pk)
    plan.refresh_from_db()
    return plan


def advance_all() -> None:
    """Called by each beat (settings.EACH_BEAT). One plan that breaks holds up no other."""
    for pk in list(Plan.objects.due().values_list("pk", flat=True)):
        advance(pk)


def advance(pk: int) -> None:
    """Takes the plan as far as it goes now; what goes wrong ends it with a reason a person can act on."""
    try:
        with transaction.atomic():
            plan = Plan.objects.select_for_update().filter(pk=pk).first()
            if plan is not None and Plan.objects.due().filter(pk=pk).exists():
                _advance(plan)
    except (EngineError, NotReady, NotAModel) as error:
        _fail(pk, getattr(error, "text", str(error)), getattr(error, "remedy", AGAIN))
    except Exception as error:  # a plan must not hang for ever, nor stop the beat for the others
        log.exception("Plan %s could not go on.", pk)
        _fail(pk, f"{type(error).__name__}: {error}", "Press Go on, and report this if it comes back.")


def go_on(plan: Plan) -> None:
    """After a failure: puts the failed run back into the queue and lets the plan go on."""
    if plan.failed_run is not None:
        plan.failed_run.put_back()
    Plan.objects.filter(pk=plan.pk, state=PlanState.FAILED).update(**_open(PlanState.GOING))
    advance(plan.pk)


def reviewed(plan: Plan, made: dict[str, Any]) -> None:
    """The person is done with the step that waited for them."""
    with transaction.atomic():
        plan = Plan.objects.select_for_update().get(pk=plan.pk)
        step = plan.current
        if plan.state == PlanState.NEEDS_YOU and step is not None and STEPS[step.kind].start is None:
            PlanStep.objects.filter(pk=step.pk).update(made=made, done=True)
            Plan.objects.filter(pk=plan.pk).update(state=PlanState.GOING)
    advance(plan.pk)


def stop(plan: Plan) -> None:
    """Ends a plan and the run that is under way; what its runs have made stays."""
    Plan.objects.filter(pk=plan.pk, state__in=OPEN).update(state=PlanState.CANCELLED, ended_at=timezone.now())
    step = plan.current
    if step is not None and step.run is not None and not step.run.has_ended:
        step.run.ask(Wanted.STOP)


def _advance(plan: Plan) -> None:
    if plan.state == PlanState.FAILED:  # somebody put its run back
        Plan.objects.filter(pk=plan.pk).update(**_open(PlanState.GOING))
    for step in plan.steps.select_related("run").order_by("position"):
        if step.done:
            continue
        if step.run is None:
            _begin(plan, step)
            return
        if step.run.status in GONE:
            _end_by_run(plan, step.run, step)
            return
        if step.run.status != Status.SUCCEEDED:
            return
        made = {**step.made, **STEPS[step.kind].finish(step)}
        PlanStep.objects.filter(pk=step.pk).update(made=made, done=True)
    Plan.objects.filter(pk=plan.pk).update(state=PlanState.SUCCEEDED, ended_at=timezone.now())


def _begin(plan: Plan, step: PlanStep) -> None:
    if not can_write(plan.project.role_of(plan.created_by) or "reader"):
        raise NotReady(f"{plan.created_by.get_username()}, who made this plan, may not start runs here any more.")
    kind = STEPS[step.kind]
    if kind.start is None:
        Plan.objects.filter(pk=plan.pk).update(state=PlanState.NEEDS_YOU)
        return
    run, made = kind.start(step)
    PlanStep.objects.filter(pk=step.pk).update(run=run, made=made)


def _end_by_run(plan: Plan, run: Run, step: PlanStep) -> None:
    word = "was stopped" if run.status == Status.CANCELLED else "failed"
    why = f": {run.reason_text}" if run.reason_text else "."
    Plan.objects.filter(pk=plan.pk).update(
        state=PlanState.FAILED,
        failed_run=run,
        reason_text=f"Run {run.pk} ({step.title}) {word}{why}",
        remedy=run.remedy or "Press Go on to put it back into the queue; the steps after it then follow.",
        ended_at=timezone.now(),
    )


def _fail(pk: int, text: str, remedy: str) -> None:
    Plan.objects.filter(pk=pk).exclude(state=PlanState.CANCELLED).update(
        state=PlanState.FAILED, failed_run=None, reason_text=text[:2000], remedy=remedy[:1000], ended_at=timezone.now()
    )


def _open(state: PlanState) -> dict[str, Any]:
    return {"state": state, "failed_run": None, "reason_text": "", "remedy": "", "ended_at": None}
