"""What a review found, and its decisions as preference rows."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from datasets_app.launching import NotReady
from engine.evaluation.preferring import WAYS, By
from projects_app.access import can_write
from projects_app.models import Role
from review_app import preferring, reading
from review_app.access import get_review, part_of, why_hidden
from review_app.models import Decision, Review, Reviewer

DEFAULT_WAY: By = next(iter(WAYS))


@require_http_methods(["GET", "POST"])
def results(request: HttpRequest, project_id: int, review_id: int) -> HttpResponse:
    """For those who are done, for everybody once all are, and for owners. ?by= chooses how decisions become pairs.
    POST: an owner looks before the own part is done, which is written down."""
    found = get_review(request, project_id, review_id, Role.MEMBER if request.method == "POST" else Role.READER)
    part = part_of(found, request)
    if request.method == "POST":
        if part is not None and found.project.role == Role.OWNER:
            Reviewer.objects.filter(pk=part.pk, unblinded_at=None).update(unblinded_at=timezone.now())
        return redirect("review_results", project_id, review_id)
    if hidden := why_hidden(found, part):
        may_look = part is not None and found.project.role == Role.OWNER
        context = {"project": found.project, "review": found, "hidden": hidden, "may_look": may_look}
        return render(request, "review_app/hidden.html", context, status=403)
    return render(request, "review_app/results.html", _found(found, _way(request.GET.get("by"))))


@require_POST
def preferences(request: HttpRequest, project_id: int, review_id: int) -> HttpResponse:
    """Makes the preference rows that the results page has counted."""
    found = get_review(request, project_id, review_id, Role.MEMBER)
    assert isinstance(request.user, User)
    if why_hidden(found, part_of(found, request)):
        return redirect("review_results", project_id, review_id)
    wanted = request.POST.get("target", "")
    target = next((version for version in preferring.targets(found) if str(version.pk) == wanted), None)
    if wanted and target is None:
        messages.error(request, "That version is not there any more, or holds no preferences.")
        return redirect("review_results", project_id, review_id)
    try:
        made = preferring.make(found, _way(request.POST.get("by")), request.user, target)
    except (preferring.NoPairs, NotReady) as why:
        messages.error(request, str(why))
        return redirect("review_results", project_id, review_id)
    page = made.repair if made.repair is not None and made.repair.child is None else made.made
    assert page is not None
    return redirect(page)


def _way(given: str | None) -> By:
    return next((way for way in WAYS if way == given), DEFAULT_WAY)


def _found(review: Review, by: By) -> dict[str, Any]:
    names = {system.key: system.name for system in review.evaluation.systems.filter(key__in=review.systems)}
    results = reading.results_of(review)
    found = preferring.pairs_of(review, by)
    unblinded = review.reviewers.filter(unblinded_at__isnull=False).select_related("user")
    return {
        "project": review.project,
        "review": review,
        "evaluation": review.evaluation,
        "can_write": can_write(review.project.role),
        "results": results,
        "systems": [(names.get(key, key), results["systems"][key]) for key in results["systems"]],
        "pairs": [
            {**pair, "a": names.get(pair["a"], pair["a"]), "b": names.get(pair["b"], pair["b"])}
            for pair in results["pairs"]
        ],
        "people": [
            (name, one, [(names.get(key, key), win) for key, win in one["wins"].items()])
            for name, one in results["reviewers"].items()
        ],
        "rows": _rows(review, names),
        "unblinded": [one.user.username for one in unblinded],
        "by": by,
        "ways": [(name, title, about) for name, (title, about) in WAYS.items()],
        "preference": found,
        "targets": preferring.targets(review),
        "sets": review.preference_sets.select_related("version__dataset", "repair__child__dataset", "repair__run"),
    }


def _rows(review: Review, names: dict[str, str]) -> list[dict[str, Any]]:
    """Each row with what everybody said of it and the comments, in the order of the evaluation."""
    given = Decision.objects.filter(reviewer__review=review).select_related("item", "reviewer__user")
    lines: dict[int, dict[str, Any]] = {}
    for each in given.order_by("item__position", "reviewer_id"):
        item = each.item
        line = lines.setdefault(item.position, {"item": item, "prompt": _asked(item.messages), "said": []})
        chosen = names.get(each.order[each.place - 1], "") if each.place else ""
        word = chosen or each.get_answer_display()
        line["said"].append({"who": each.reviewer.user.username, "word": word, "comment": each.comment})
    return list(lines.values())


def _asked(turns: list[dict[str, Any]]) -> str:
    asked = [str(turn.get("content") or "") for turn in turns if turn.get("role") == "user"]
    return asked[-1] if asked else ""
