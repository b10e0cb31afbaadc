"""The reviewer's page: one item, decided by a key or a button. Nothing here says whose an answer is: places are
numbers, texts stand in the stored order, and the page is made the same way whichever system comes first."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect, push_url

from projects_app.models import Role
from review_app import deciding
from review_app.access import get_review, need_part
from review_app.deciding import Elsewhere, Said
from review_app.models import Answer, Decision, Review, Reviewer

MOVES = {"previous": -1, "next": 1}
ELSEWHERE = "This item was decided in another window in the meantime, as shown below. Choose again to change it."


@never_cache
@require_http_methods(["GET", "POST"])
def item(request: HttpRequest, project_id: int, review_id: int, number: int) -> HttpResponse:
    """POST: ``choice`` (1, 2, 3, tie, neither, skip) or ``go`` (previous, next); the item that follows comes back."""
    review = get_review(request, project_id, review_id, Role.MEMBER)
    part = need_part(review, request)
    if part.finished_at or review.is_over:
        return _leave(request, review.get_absolute_url())
    decision = part.decisions.select_related("item").filter(number=number).first()
    if decision is None:
        raise Http404("No such item in your part.")
    if request.method == "GET":
        return _show(request, review, part, decision)
    said = _said(request)
    if not said.is_valid_for(decision):
        return HttpResponseBadRequest("Choose one of the answers, a tie, neither or skip.")
    try:
        deciding.decide(decision, said)
    except Elsewhere:
        decision.refresh_from_db()
        return _show(request, review, part, decision, note=ELSEWHERE)
    following = _following(part, number, request.POST.get("go", ""))
    if following is None:
        return _leave(request, f"{review.get_absolute_url()}#mine")
    url = reverse("review_item", args=[project_id, review_id, following])
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(url)
    shown = _show(request, review, part, part.decisions.select_related("item").get(number=following))
    return push_url(shown, url)


def _said(request: HttpRequest) -> Said:
    given = request.POST
    try:
        seconds = float(given.get("seconds", ""))
    except ValueError:
        seconds = None
    choice = "" if given.get("go") in MOVES else given.get("choice", "none")
    return Said(choice, given.get("was", ""), given.get("comment", ""), seconds)


def _following(part: Reviewer, number: int, go: str) -> int | None:
    if go in MOVES:
        return min(max(number + MOVES[go], 1), part.decisions.count())
    return deciding.next_open(part, number)


def _show(request: HttpRequest, review: Review, part: Reviewer, decision: Decision, note: str = "") -> HttpResponse:
    deciding.show(decision)
    decided, every = deciding.progress(part)
    context: dict[str, Any] = {
        "project": review.project,
        "review": review,
        "number": decision.number,
        "decision": decision,
        "prompt": [turn for turn in decision.item.messages if turn.get("role") != "system"],
        "reference": decision.item.reference if review.show_reference else "",
        "answers": [(place, decision.item.texts[key]) for place, key in enumerate(decision.order, 1)],
        "tie": Answer.TIE,
        "decided": decided,
        "every": every,
        "note": note,
    }
    part_only = request.htmx and request.htmx.target == "review-item"  # type: ignore[attr-defined]
    template = "review_app/_item.html" if part_only else "review_app/item.html"
    return render(request, template, context)


def _leave(request: HttpRequest, url: str) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(url)
    return HttpResponseRedirect(url)
