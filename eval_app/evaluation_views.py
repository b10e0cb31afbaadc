"""One evaluation: what was measured and what it says."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from engine.evaluation.gates import GATES
from engine.evaluation.limits import GateLimits
from engine.training.options import describe
from eval_app import showing
from eval_app.access import frame, get_evaluation
from eval_app.models import Evaluation
from eval_app.verdict_models import Verdict


@require_GET
def evaluation(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    """The verdict, then what it rests on; ?against=key chooses whom the others are held against."""
    found = get_evaluation(request, project_id, evaluation_id)
    context = frame(found)
    if found.results:
        context |= _measured(found.results, request.GET.get("against", "")) | _decided(found, context["decided"])
    return render(request, "eval_app/evaluation.html", context)


@require_GET
def download(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    found = get_evaluation(request, project_id, evaluation_id)
    if not found.results:
        raise Http404("This evaluation has no results yet.")
    response = JsonResponse(found.results, json_dumps_params={"indent": 1})
    response["Content-Disposition"] = f'attachment; filename="evaluation-{found.pk}.json"'
    return response


def _measured(results: dict[str, Any], against: str) -> dict[str, Any]:
    keys = showing.real_keys(results)
    against = against if against in keys else results["baseline"]
    return {
        "keys": showing.named(results, keys),
        "against": against,
        "table": showing.measures(results, keys, against),
        "differences": showing.differences(results, keys, against) if len(keys) > 2 else [],
        "powers": showing.powers(results, against),
        "floors": showing.floors(results),
        "forgettings": showing.forgettings(results),
        "slices": showing.slices(results, keys),
        "tables": showing.tables(results, keys),
        "retrievals": showing.retrievals(results, keys),
        "hidden": results.get("hidden") or [],
        "timed": [results["systems"][key] for key in keys],
        "diagnosed": bool(results.get("diagnosis")),
    }


def _decided(found: Evaluation, decided: Verdict | None) -> dict[str, Any]:
    """The gates of every candidate as the newest verdict has them, the one it is about first, and those before it."""
    if decided is None:
        return {"judged": [], "earlier": []}
    systems = found.results["systems"]
    judged = [
        {
            **one,
            "key": key,
            "name": systems[key]["name"],
            "against_name": systems[one["against"]]["name"],
            "gates": [{**gate, "help": GATES[gate["name"]].help} for gate in one["gates"] if gate["name"] in GATES],
        }
        for key, one in decided.gates.items()
        if key in systems
    ]
    judged.sort(key=lambda one: one["key"] != decided.candidate)
    units = {item.name: (item.label, item.unit) for item in describe(GateLimits)}
    return {
        "judged": judged,
        "earlier": list(found.decided.select_related("made_by")[1:]),
        "limits": [(*units[name], value) for name, value in decided.limits.items() if name in units],
        "made_from": decided.made_from,
    }
