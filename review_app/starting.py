"""Starting a review: rows drawn, dealt and put in order, all in one transaction."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from engine.evaluation.review_drawing import deal, draw_rows, orders
from eval_app.models import Evaluation, EvaluationRow, Output
from review_app.models import Decision, Review, Reviewer, ReviewItem

BATCH = 500


class NothingToReview(Exception):
    """No row is left to look at; the text says why and what to do."""


def start_review(evaluation: Evaluation, asked: dict[str, Any], user: User) -> Review:
    """``asked`` is what ReviewForm found valid. Raises NothingToReview."""
    keys = list(asked["systems"])
    answers = answers_of(evaluation, keys)
    drawn = draw_rows(
        {row: [texts.get(key) for key in keys] for row, texts in answers.items()},
        asked["rows"],
        asked["seed"],
        asked["pick"] == "different",
    )
    if not drawn.rows:
        raise NothingToReview(_why(len(answers), len(drawn.equal), drawn.unanswered))
    with transaction.atomic():
        review = Review.objects.create(
            project=evaluation.project,
            evaluation=evaluation,
            systems=keys,
            only_different=asked["pick"] == "different",
            show_reference=asked["show_reference"],
            instructions=asked["instructions"],
            overlap=asked["overlap"] / 100,
            seed=asked["seed"],
            equal=len(drawn.equal),
            unanswered=drawn.unanswered,
            created_by=user,
        )
        _deal(review, _keep(review, drawn.rows, answers), [int(pk) for pk in asked["reviewers"]])
    return review


def answers_of(evaluation: Evaluation, keys: list[str]) -> dict[int, dict[str, str]]:
    """Row position → system key → its text. What failed is no answer."""
    found: dict[int, dict[str, str]] = {position: {} for position in evaluation.rows.values_list("position", flat=True)}
    outputs = Output.objects.filter(row__evaluation=evaluation, system__key__in=keys, problem="")
    for position, key, text in outputs.values_list("row__position", "system__key", "text"):
        found[position][key] = text
    return found


def _keep(review: Review, rows: tuple[int, ...], answers: dict[int, dict[str, str]]) -> dict[int, ReviewItem]:
    known: dict[int, EvaluationRow] = {row.position: row for row in review.evaluation.rows.all()}
    items = [
        ReviewItem(
            review=review,
            position=row,
            row_id=known[row].row_id,
            messages=known[row].messages,
            reference=known[row].reference,
            texts=answers[row],
        )
        for row in rows
    ]
    return {item.position: item for item in ReviewItem.objects.bulk_create(items, batch_size=BATCH)}


def _deal(review: Review, items: dict[int, ReviewItem], people: list[int]) -> None:
    """People without a row (more people than rows) are no reviewers."""
    for person, rows in deal(sorted(items), people, review.overlap, review.seed).items():
        if not rows:
            continue
        reviewer = Reviewer.objects.create(review=review, user_id=person)
        placed = orders(review.systems, len(rows), review.seed, person)
        Decision.objects.bulk_create(
            [
                Decision(reviewer=reviewer, item=items[row], number=number, order=list(order))
                for number, (row, order) in enumerate(zip(rows, placed, strict=True), 1)
            ],
            batch_size=BATCH,
        )


def _why(rows: int, equal: int, unanswered: int) -> str:
    if not rows:
        return "This evaluation has no rows. Evaluate again, then start the review."
    if unanswered == rows:
        return "No row was answered by all of these systems. Choose others, or evaluate again."
    return f"There is nothing to prefer: on {equal} of {rows} rows that were drawn all answers are the same."
