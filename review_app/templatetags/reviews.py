"""What pages of other rooms say of reviews: those of an evaluation, and what a version owes to one."""

from __future__ import annotations

from typing import Any

from django import template

from datasets_app.models import DatasetVersion
from engine.evaluation.judging.summing import agreement
from eval_app.models import Evaluation
from review_app import preferring
from review_app.reading import human_decisions

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


@register.inclusion_tag("eval_app/_judge.html")
def judge_of(evaluation: Evaluation) -> dict[str, Any]:
    """What a judging model said of an evaluation's pairs, beside what people decided in blind reviews of the same."""
    results = evaluation.results
    names = {key: system["name"] for key, system in results["systems"].items()}
    pairs = [
        {
            **pair,
            "a_name": names.get(pair["a"], pair["a"]),
            "b_name": names.get(pair["b"], pair["b"]),
            "people": agreement(
                {int(row): pair.get(said, said) for row, said in pair["decisions"].items()},
                human_decisions(evaluation, pair["a"], pair["b"]),
            ),
        }
        for pair in results["judge"]["pairs"]
    ]
    return {"judge": {**results["judge"], "pairs": pairs}}


@register.inclusion_tag("review_app/_of_version.html")
def preference_lineage(version: DatasetVersion) -> dict[str, Any]:
    return {"version": version, "sets": preferring.taught_by(version)}
