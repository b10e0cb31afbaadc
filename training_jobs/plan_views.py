"""Plans: the form of one, and its page with what each step waits for."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from datasets_app.launching import NotReady
from drafts_app.models import DraftBatch
from drafts_app.reviewing import counts
from projects_app.access import can_write, get_project
from projects_app.models import Role
from runs_app import dispatching
from training_jobs import plans
from training_jobs.forms import ready_splits
from training_jobs.plan_forms import LEAST_ANSWERS
from training_jobs.plan_kinds import PLANS
from training_jobs.plan_models import Plan, PlanState
from training_jobs.plan_steps import made_by


def get_plan(request: HttpRequest, project_id: int, plan_id: int, need: Role = Role.READER) -> Plan:
    """The plan, reached through its project: 404 for strangers, 403 below ``need``."""
    project = get_project(request, project_id, need)
    found = Plan.objects.select_related("failed_run", "created_by").filter(project=project, pk=plan_id).first()
    if found is None:
        raise Http404("No such plan in this project.")
    found.project = project
    return found


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project_id: int, kind: str) -> HttpResponse:
    """The form; a valid one becomes a plan whose first run is queued."""
    project = get_project(request, project_id, Role.MEMBER)
    if kind not in PLANS:
        raise Http404("No such kind of plan.")
    assert isinstance(request.user, User)
    about = PLANS[kind]
    form = about.form(project, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            wishes = about.wishes(form)
        except NotReady as error:
            form.add_error(None, str(error))
        else:
            return redirect(plans.make(project, kind, form.cleaned_data["name"], wishes, request.user))
    context = {
        "project": project,
        "kind": kind,
        "about": about,
        "others": [(name, other) for name, other in PLANS.items() if name != kind],
        "form": form,
        "has_split": ready_splits(project).exists(),
    }
    return render(request, "training_jobs/plan_new.html", context, status=400 if request.method == "POST" else 200)


@require_GET
def plan(request: HttpRequest, project_id: int, plan_id: int) -> HttpResponse:
    """What each step is doing, waits for, or has made."""
    found = get_plan(request, project_id, plan_id)
    steps = list(found.steps.select_related("run").order_by("position"))
    for step in steps:
        step.plan = found
    context: dict[str, Any] = {
        "project": found.project,
        "plan": found,
        "about": PLANS.get(found.kind),
        "steps": steps,
        "can_write": can_write(found.project.role),
        "review": _review(found),
    }
    return render(request, "training_jobs/plan.html", context)


@require_POST
def go_on(request: HttpRequest, project_id: int, plan_id: int) -> HttpResponse:
    """After a review: train on what was accepted. After a failure: put the failed run back, and go on from there."""
    found = get_plan(request, project_id, plan_id, Role.MEMBER)
    if found.state == PlanState.NEEDS_YOU and (review := _review(found)):
        if review["taken"] < LEAST_ANSWERS:
            messages.error(
                request, f"{review['taken']} answers are accepted; a training needs at least {LEAST_ANSWERS}."
            )
            return redirect(found)
        plans.reviewed(found, {"accepted": review["taken"]})
    elif found.state == PlanState.FAILED:
        plans.go_on(found)
    dispatching.ring()
    return redirect(found)


@require_POST
def stop(request: HttpRequest, project_id: int, plan_id: int) -> HttpResponse:
    """Ends the plan and the run that is under way; what was made stays."""
    found = get_plan(request, project_id, plan_id, Role.MEMBER)
    plans.stop(found)
    return redirect(found)


def _review(found: Plan) -> dict[str, Any]:
    """The drafts that wait for a person, with their counts; nothing when the plan waits for nobody."""
    step = found.current
    if found.state != PlanState.NEEDS_YOU or step is None:
        return {}
    batch = DraftBatch.objects.select_related("run", "version__dataset").get(
        pk=made_by(step, step.given["of"])["batch"]
    )
    return {"batch": batch, **counts(batch), "least": LEAST_ANSWERS}
