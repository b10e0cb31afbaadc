"""The evaluations of a project, and starting one."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engine.errors import EngineError
from engine.evaluation.judging import ROWS as JUDGED_ROWS
from eval_app import foreseeing, judge_choice, launch_form, launching
from eval_app.launching import ROWS, start_evaluation
from eval_app.models import Evaluation
from projects_app.access import can_write, get_project
from projects_app.models import Role
from training_jobs.models import Checkpoint, TrainingJob


@require_GET
def evaluations(request: HttpRequest, project_id: int) -> HttpResponse:
    project = get_project(request, project_id)
    context = {
        "project": project,
        "can_write": can_write(project.role),
        "evaluations": Evaluation.objects.filter(project=project).select_related("run"),
    }
    return render(request, "eval_app/evaluations.html", context)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project_id: int) -> HttpResponse:
    """The form of a new evaluation; ``?from=`` begins like an earlier one. POST starts it, unless a button only adds or
    removes a system or asks for the preview."""
    project = get_project(request, project_id, Role.MEMBER)
    assert isinstance(request.user, User)
    if request.method == "GET":
        source = Evaluation.objects.filter(project=project, pk=_number(request.GET.get("from"))).first()
        job = TrainingJob.objects.filter(project=project, pk=_number(request.GET.get("job"))).first()
        launch = launch_form.fresh(project, source=source, job=job)
        first = launch_form.typed(project, launch_form.as_sent(launch))
        return _form(request, launch, foreseeing.foresee(first)[0])
    launch = launch_form.typed(project, request.POST)
    foreseen, plan = foreseeing.foresee(launch)
    if any(name in request.POST for name in ("add", "remove", "refresh")):
        launch.forgive_what_is_empty()
        return _form(request, launch, foreseen)
    if plan is not None:
        try:
            judged = replace(plan, judge=judge_choice.read(project, request.POST))
            return redirect(launching.start(project, judged, request.user))
        except EngineError as error:
            foreseen.reasons.append(f"{error.text} {error.remedy}")
    return _form(request, launch, foreseen, 400)


@require_POST
def preview(request: HttpRequest, project_id: int) -> HttpResponse:
    """The preview card for what stands in the form."""
    project = get_project(request, project_id, Role.MEMBER)
    launch = launch_form.typed(project, request.POST)
    context = {"project": project, "launch": launch, "foreseen": foreseeing.foresee(launch)[0]}
    return render(request, "eval_app/_foreseen.html", context)


def _form(
    request: HttpRequest, launch: launch_form.Launch, foreseen: foreseeing.Foreseen, status: int = 200
) -> HttpResponse:
    context = {
        "project": launch.project,
        "launch": launch,
        "form": launch.form,
        "foreseen": foreseen,
        "most": launch_form.MOST_SYSTEMS,
        "judges": judge_choice.choices(launch.project),
        "judge_rows": request.POST.get("judge_rows", str(JUDGED_ROWS))[:12],
        "judge_chosen": request.POST.get("judge", ""),
        "judge_instructions": request.POST.get("judge_instructions", ""),
    }
    return render(request, "eval_app/new.html", context, status=status)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 16 else 0


@require_POST
def start(request: HttpRequest, project_id: int) -> HttpResponse:
    """From a job (its best checkpoint) or from one checkpoint; ``rows`` says how many test rows, "all" all of them."""
    project = get_project(request, project_id, Role.MEMBER)
    assert isinstance(request.user, User)
    checkpoint = _chosen(request, project.pk)
    rows = request.POST.get("rows", str(ROWS)).strip()
    if checkpoint is None:
        messages.error(request, "This run has no checkpoint to evaluate yet. Train until one is saved, then evaluate.")
        return redirect("evaluate", project.pk)
    if rows != "all" and not (rows.isdecimal() and 0 < int(rows) < 10**9):
        messages.error(request, f"Rows: “{rows[:40]}” is not a number of rows. Give a whole number, or “all”.")
        return redirect("evaluate", project.pk)
    try:
        limit = None if rows == "all" else int(rows)
        judge = judge_choice.read(project, request.POST)
        evaluation = start_evaluation(checkpoint.job, checkpoint, request.user, limit=limit, judge=judge)
    except EngineError as error:
        messages.error(request, f"{error.text} {error.remedy}")
        return redirect("evaluate", project.pk)
    return redirect(evaluation)


def _chosen(request: HttpRequest, project_id: int) -> Checkpoint | None:
    """A checkpoint of this project whose files are there: the one named, or the best of the job named."""
    checkpoint, job = request.POST.get("checkpoint", ""), request.POST.get("job", "")
    found = None
    if checkpoint.isdecimal():
        found = Checkpoint.objects.filter(job__project_id=project_id, pk=int(checkpoint)).first()
    elif job.isdecimal():
        named = TrainingJob.objects.filter(project_id=project_id, pk=int(job)).first()
        found = named.best_checkpoint if named else None
    return found if found and found.is_there else None
