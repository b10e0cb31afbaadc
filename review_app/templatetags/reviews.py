"""What pages of other rooms say of reviews: those of an evaluation, and what a version owes to one."""

from __future__ import annotations

from typing import Any

from django import template

from datasets_app.models import DatasetVersion
from eval_app.models import Evaluation
from review_app import preferring

register = template.Library()


@register.inclusion_tag("review_app/_of_evaluation.html")
def reviews_of(evaluation: Evaluation, can_write: bool) -> dict[str, Any]:
    """The reviews of an evaluation, the way to start one, and systems that learnt from its rows by preferences."""
    return {
        "project": evaluation.project,
        "evaluation": evaluation,
        "can_write": can_write,
        "reviews": evaluation.reviews.prefetch_related("reviewers__user"),
        "taught": preferring.systems_taught(evaluation),
    }


@register.inclusion_tag("review_app/_of_version.html")
def preference_lineage(version: DatasetVersion) -> dict[str, Any]:
    return {"version": version, "sets": preferring.taught_by(version)}
