"""The rows of an evaluation, its systems side by side."""

from __future__ import annotations

import json
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from engine.differences import against_reference, far_apart
from engine.evaluation.metrics import METRICS
from eval_app.access import frame, get_evaluation
from eval_app.models import EvaluationRow, Output

ROWS_A_PAGE = 10
OUTCOMES = {
    "tuned": "Tuned right, base wrong",
    "base": "Base right, tuned wrong",
    "neither": "Both wrong",
    "both": "Both right",
}


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
        **frame(found),
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


def _holds(query: str) -> Q:
    """Rows with ``query`` in prompt, reference or an output. SQLite keeps JSON escaped: both forms are asked."""
    escaped = json.dumps(query)[1:-1]
    prompt = Q(messages__icontains=query) | Q(messages__icontains=escaped)
    return prompt | Q(reference__icontains=query) | Q(outputs__text__icontains=query)


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
