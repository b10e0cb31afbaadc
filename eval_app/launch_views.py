"""The evaluations of a project, and starting one."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from engine.errors import EngineError
from engine.evaluation.judging import ROWS as JUDGED_ROWS
from eval_app import judge_choice
from eval_app.launching import ROWS, start_evaluation
from eval_app.models import Evaluation
from projects_app.access import can_write, get_project
from projects_app.models import Role
from training_jobs.models import Checkpoint, TrainingJob


@require_GET
def evaluations(request: HttpRequest, project_id: int) -> HttpResponse:
    project = get_project(request, project_id)
    checkpoints = Checkpoint.objects.filter(job__project=project).select_related("job", "job__run")
    context = {
        "project": project,
        "can_write": can_write(project.role),
        "evaluations": Evaluation.objects.filter(project=project).select_related("run"),
        "checkpoints": [one for one in checkpoints.order_by("-job_id", "-is_best", "-step") if one.is_there],
        "rows": ROWS,
        "judges": judge_choice.choices(project),
        "judge_rows": JUDGED_ROWS,
    }
    return render(request, "eval_app/evaluations.html", context)


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
