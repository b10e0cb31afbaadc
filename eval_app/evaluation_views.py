"""One evaluation: what was measured and what it says."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from engine.evaluation.metrics import METRICS
from eval_app.access import frame, get_evaluation


@require_GET
def evaluation(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    found = get_evaluation(request, project_id, evaluation_id)
    context = {**frame(found), "table": _metric_table(found.results) if found.results else []}
    return render(request, "eval_app/evaluation.html", context)


@require_GET
def download(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    found = get_evaluation(request, project_id, evaluation_id)
    if not found.results:
        raise Http404("This evaluation has no results yet.")
    response = JsonResponse(found.results, json_dumps_params={"indent": 1})
    response["Content-Disposition"] = f'attachment; filename="evaluation-{found.pk}.json"'
    return response


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
