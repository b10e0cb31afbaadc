"""Reviews of a project; starting one; its page, where each reviewer's part stands; finishing and closing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from eval_app.access import get_evaluation
from projects_app.access import can_write, get_project
from projects_app.models import Role
from review_app import deciding, starting
from review_app.access import get_review, may_close, need_part, part_of, why_hidden
from review_app.forms import ReviewForm
from review_app.models import Answer, Review


@require_GET
def reviews(request: HttpRequest, project_id: int) -> HttpResponse:
    project = get_project(request, project_id)
    known = list(project.reviews.select_related("evaluation", "created_by").prefetch_related("reviewers__user"))
    context = {
        "project": project,
        "can_write": can_write(project.role),
        "lines": [{"review": review, "part": part_of(review, request)} for review in known],
    }
    return render(request, "review_app/reviews.html", context)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project_id: int, evaluation_id: int) -> HttpResponse:
    evaluation = get_evaluation(request, project_id, evaluation_id, Role.MEMBER)
    assert isinstance(request.user, User)
    form = ReviewForm(request.POST if request.method == "POST" else None, evaluation=evaluation, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(starting.start_review(evaluation, form.cleaned_data, request.user))
        except starting.NothingToReview as why:
            form.add_error(None, str(why))
    context = {
        "project": evaluation.project,
        "evaluation": evaluation,
        "form": form,
        "ready": evaluation.rows.exists() and evaluation.systems.count() > 1,
    }
    return render(request, "review_app/new.html", context, status=400 if form.is_bound else 200)


@require_GET
def review(request: HttpRequest, project_id: int, review_id: int) -> HttpResponse:
    found = get_review(request, project_id, review_id)
    part = part_of(found, request)
    context: dict[str, Any] = {
        "project": found.project,
        "review": found,
        "evaluation": found.evaluation,
        "part": part,
        "people": _people(found),
        "rows": found.items.count(),
        "hidden": why_hidden(found, part),
        "may_close": may_close(found, request) and not found.is_over,
    }
    if part is not None:
        decided, every = deciding.progress(part)
        context |= {
            "decided": decided,
            "every": every,
            "following": deciding.next_open(part, 0),
            "own": part.decisions.all(),
            "can_decide": part.finished_at is None and not found.is_over and can_write(found.project.role),
        }
    return render(request, "review_app/review.html", context)


@require_POST
def finish(request: HttpRequest, project_id: int, review_id: int) -> HttpResponse:
    """A person says that the own part is done: no more changes, and the results are open to them."""
    found = get_review(request, project_id, review_id, Role.MEMBER)
    if deciding.finish(need_part(found, request)):
        return redirect("review_results", project_id, review_id)
    messages.error(request, "Some items are still open. Decide or skip each, then finish.")
    return redirect(found)


@require_POST
def close(request: HttpRequest, project_id: int, review_id: int) -> HttpResponse:
    """Ends a review that not everybody finishes: what was decided counts."""
    found = get_review(request, project_id, review_id, Role.MEMBER)
    if not may_close(found, request):
        raise PermissionDenied("Whoever started a review closes it, or an owner of the project.")
    Review.objects.filter(pk=found.pk, closed_at=None).update(closed_at=timezone.now())
    return redirect("review_results", project_id, review_id)


def _people(found: Review) -> Any:
    decided = Count("decisions", filter=~Q(decisions__answer=Answer.OPEN))
    return found.reviewers.select_related("user").annotate(every=Count("decisions"), decided=decided)
