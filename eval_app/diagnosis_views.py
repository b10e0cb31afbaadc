"""Why the rows of a system failed, what that advises, and giving a failure another cause."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from engine.evaluation.diagnosis import CAUSES, rule_text, summary
from eval_app.access import frame, get_evaluation
from eval_app.models import Evaluation, Output, System
from eval_app.verdict_models import CauseLabel
from projects_app.models import Role

ROWS_A_PAGE = 20


@require_GET
def diagnosis(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    """Counts, advice and the failed rows of one system (?system=key), of one cause (?cause=name)."""
    found = get_evaluation(request, project_id, evaluation_id)
    known = (found.results or {}).get("diagnosis") or {}
    if not known:
        return redirect(found)
    system = _system(found, request.GET.get("system", ""), known)
    failures = _failures(found, system, known[system.key]["rows"])
    cause = request.GET.get("cause", "")
    shown = [one for one in failures if one["cause"] == cause] if cause in CAUSES else failures
    page = Paginator(shown, ROWS_A_PAGE).get_page(request.GET.get("page"))
    _with_texts(system, page.object_list)
    told = summary(one["cause"] for one in failures)
    context = {
        **frame(found),
        "system": system,
        "systems": [(one.key, one.name, known[one.key]["failures"]) for one in found.systems.all() if one.key in known],
        "told": told,
        "unanswered": known[system.key].get("unanswered", 0),
        "causes": [(name, row, told["causes"][name], told["shares"][name]) for name, row in CAUSES.items()],
        "choices": [(name, row.label) for name, row in CAUSES.items()],
        "chosen": cause if cause in CAUSES else "",
        "page": page,
        "relabelled": sum(one["label"] is not None for one in failures),
    }
    return render(request, "eval_app/diagnosis.html", context)


@require_POST
def relabel(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    """Gives one failed row of one system the cause that a person sees in it."""
    found = get_evaluation(request, project_id, evaluation_id, Role.MEMBER)
    assert isinstance(request.user, User)
    known = (found.results or {}).get("diagnosis") or {}
    system = _system(found, request.POST.get("system", ""), known)
    position, cause = request.POST.get("row", ""), request.POST.get("cause", "")
    if position not in known[system.key]["rows"]:
        raise Http404("No failed row of this system has this number.")
    back = {"system": system.key, "cause": request.POST.get("shown", ""), "page": request.POST.get("page", "")}
    if cause not in CAUSES:
        messages.error(request, f"“{cause[:40]}” is no cause. Choose one of the list.")
    else:
        row = get_object_or_404(found.rows, position=int(position))
        CauseLabel.objects.create(
            evaluation=found,
            system=system,
            position=row.position,
            row_id=row.row_id,
            cause=cause,
            given_by=request.user,
        )
        messages.success(
            request, f"Row {row.position + 1} is now {CAUSES[cause].label.lower()}; the advice counts it so."
        )
    query = urlencode({name: value for name, value in back.items() if value})
    return redirect(f"{reverse('diagnosis', args=[found.project_id, found.pk])}?{query}#row-{int(position)}")


def _system(found: Evaluation, key: str, known: dict[str, Any]) -> System:
    """The system named; without a name the first that is no baseline. Raises Http404 for one that is not there."""
    systems = [one for one in found.systems.all() if one.key in known]
    if not key:
        key = next((one.key for one in systems if not one.is_baseline), systems[0].key if systems else "")
    system = next((one for one in systems if one.key == key), None)
    if system is None:
        raise Http404("No such system in this evaluation.")
    return system


def _failures(found: Evaluation, system: System, rows: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """Every failed row in order, with the cause that counts: a person's newest, else the rules'."""
    labels: dict[str, CauseLabel] = {}
    for label in found.cause_labels.filter(system=system).select_related("given_by").order_by("id"):
        labels[label.row_id] = label
    ids = dict(found.rows.values_list("position", "row_id"))
    failures = []
    for position, row in sorted(rows.items(), key=lambda item: int(item[0])):
        given = labels.get(ids.get(int(position), ""))
        failures.append(
            {
                "position": int(position),
                "cause": given.cause if given else row["cause"],
                "by_rule": row["cause"],
                "rule": rule_text(row["cause"], row["rule"]),
                "label": given,
            }
        )
    return failures


def _with_texts(system: System, failures: Any) -> None:
    """Adds prompt, reference and answer to the failures of one page."""
    outputs = Output.objects.filter(system=system, row__position__in=[one["position"] for one in failures])
    known = {output.row.position: output for output in outputs.select_related("row")}
    for one in failures:
        output = known.get(one["position"])
        one["output"] = output
        one["prompt"] = [turn for turn in output.row.messages if turn.get("role") != "system"] if output else []
