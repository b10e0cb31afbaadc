"""Evaluations, and the rows behind them side by side."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from engine.differences import against_reference, far_apart
from engine.errors import EngineError
from engine.evaluation.metrics import METRICS
from eval_app.launching import ROWS, start_evaluation
from eval_app.models import Evaluation, EvaluationRow, Output
from projects_app.access import can_write, get_project
from projects_app.models import Role
from training_jobs.models import Checkpoint, TrainingJob

ROWS_A_PAGE = 10
OUTCOMES = {
    "tuned": "Tuned right, base wrong",
    "base": "Base right, tuned wrong",
    "neither": "Both wrong",
    "both": "Both right",
}


def get_evaluation(request: HttpRequest, project_id: int, evaluation_id: int) -> Evaluation:
    """The evaluation, reached through its project. Raises Http404 for strangers."""
    project = get_project(request, project_id)
    found = (
        Evaluation.objects.filter(project=project, pk=evaluation_id)
        .select_related("run", "split__version__dataset")
        .first()
    )
    if found is None:
        raise Http404("No such evaluation in this project.")
    found.project = project
    found.run.project = project
    return found


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
        evaluation = start_evaluation(checkpoint.job, checkpoint, request.user, limit=limit)
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


@require_GET
def evaluation(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    found = get_evaluation(request, project_id, evaluation_id)
    context = {**_frame(found), "table": _metric_table(found.results) if found.results else []}
    return render(request, "eval_app/evaluation.html", context)


@require_GET
def compare(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    """Rows side by side; the URL is the filter (outcome, q) and the page."""
    found = get_evaluation(request, project_id, evaluation_id)
    if not found.results:
        return redirect(found)
    chosen = request.GET.get("outcome", "")
    query = request.GET.get("q", "").strip()[:200]
    rows = found.rows.all()
    counts = dict(rows.values_list("outcome").annotate(n=Count("id")))
    if chosen in OUTCOMES:
        rows = rows.filter(outcome=chosen)
    if query:
        rows = rows.filter(_holds(query)).distinct()
    page = Paginator(rows.prefetch_related("outputs__system"), ROWS_A_PAGE).get_page(request.GET.get("page"))
    primary = found.results["primary_metric"]
    context = {
        **_frame(found),
        "page": page,
        "rows": [_side_by_side(row, primary) for row in page.object_list],
        "filters": [(key, label, counts.get(key, 0)) for key, label in OUTCOMES.items()],
        "all_rows": sum(counts.values()),
        "chosen": chosen,
        "query": query,
        "primary": METRICS[primary].label,
        "systems": list(found.systems.all()),
    }
    return render(request, "eval_app/compare.html", context)


@require_GET
def download(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    found = get_evaluation(request, project_id, evaluation_id)
    if not found.results:
        raise Http404("This evaluation has no results yet.")
    response = JsonResponse(found.results, json_dumps_params={"indent": 1})
    response["Content-Disposition"] = f'attachment; filename="evaluation-{found.pk}.json"'
    return response


def _holds(query: str) -> Q:
    """Rows with ``query`` in prompt, reference or an output. SQLite keeps JSON escaped: both forms are asked."""
    escaped = json.dumps(query)[1:-1]
    prompt = Q(messages__icontains=query) | Q(messages__icontains=escaped)
    return prompt | Q(reference__icontains=query) | Q(outputs__text__icontains=query)


def _frame(found: Evaluation) -> dict[str, Any]:
    return {
        "project": found.project,
        "can_write": can_write(found.project.role),
        "evaluation": found,
        "run": found.run,
        "results": found.results,
        "verdict": (found.results or {}).get("verdict"),
    }


def _metric_table(results: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a metric: both systems' figures and the paired difference between them."""
    comparisons = {row["metric"]: row for row in results["comparisons"]}
    baseline = results["baseline"]
    others = [key for key in results["systems"] if key != baseline]
    return [
        {
            "name": METRICS[name].label,
            "help": METRICS[name].help,
            "figures": [results["systems"][key]["metrics"].get(name) for key in (baseline, *others)],
            "comparison": comparisons.get(name),
        }
        for name in results["systems"][baseline]["metrics"]
        if name in METRICS
    ]


def _side_by_side(row: EvaluationRow, primary: str) -> dict[str, Any]:
    outputs = sorted(row.outputs.all(), key=lambda output: output.system_id)
    return {
        "row": row,
        "prompt": [turn for turn in row.messages if turn.get("role") != "system"],
        "outcome": OUTCOMES.get(row.outcome, ""),
        "outputs": [_shown(output, row, primary) for output in outputs],
    }


def _shown(output: Output, row: EvaluationRow, primary: str) -> dict[str, Any]:
    parts = against_reference(output.text, row.reference)
    return {
        "output": output,
        "system": output.system,
        "right": output.scores.get(primary, 0) >= 1 if METRICS[primary].kind == "rate" else None,
        "parts": parts,
        "far": far_apart(parts),
        "scores": [
            (METRICS[name].label, value, METRICS[name]) for name, value in output.scores.items() if name in METRICS
        ],
    }
