"""The ways to a review. Members review; a reader's role changes nothing, and a decision is a change."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from projects_app.access import get_project
from projects_app.models import Role
from review_app.models import Review, Reviewer


def get_review(request: HttpRequest, project_id: int, review_id: int, role: Role = Role.READER) -> Review:
    """The review, reached through its project. Raises Http404 for strangers, PermissionDenied below ``role``."""
    project = get_project(request, project_id, role)
    known = Review.objects.filter(project=project, pk=review_id)
    found = known.select_related("evaluation__run", "created_by").first()
    if found is None:
        raise Http404("No such review in this project.")
    found.project = project
    return found


def part_of(review: Review, request: HttpRequest) -> Reviewer | None:
    """What the asking person reviews here, if anything."""
    assert isinstance(request.user, User)
    return review.reviewers.filter(user=request.user).first()


def need_part(review: Review, request: HttpRequest) -> Reviewer:
    """Raises PermissionDenied for members who were not asked to review."""
    part = part_of(review, request)
    if part is None:
        raise PermissionDenied("You are not among the reviewers of this review. Whoever starts one names them.")
    part.review = review
    return part


def why_hidden(review: Review, part: Reviewer | None) -> str:
    """Why the results are not for this person yet; nothing when they are. Names and figures end blindness, so that only
    who is done sees them, everybody once all are done, and owners, who know what looking does."""
    if review.is_over or (part is not None and part.finished_at):
        return ""
    if review.project.role == Role.OWNER and (part is None or part.unblinded_at):
        return ""
    if part is None:
        return "The results are shown when every reviewer has finished. Until then they would unblind."
    return "You have not finished your part. The results name the systems, and what you decide after is not blind."


def may_close(review: Review, request: HttpRequest) -> bool:
    return review.project.role == Role.OWNER or review.created_by_id == request.user.pk
