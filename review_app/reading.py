"""What people decided, as the engine counts it; and as others may use it."""

from __future__ import annotations

from typing import Any

from engine.evaluation import reviewing
from engine.evaluation.preferring import Shown
from eval_app.models import Evaluation
from review_app.models import Answer, Decision, Review


def decisions_of(review: Review) -> list[reviewing.Decision]:
    """Every decision, skips too, in the order of reviewers and items."""
    given = Decision.objects.filter(reviewer__review=review).exclude(answer=Answer.OPEN)
    ordered = given.select_related("item", "reviewer__user").order_by("reviewer_id", "number")
    return [_for_engine(each) for each in ordered]


def shown(review: Review) -> dict[int, Shown]:
    """Row position → the prompt and the answers as reviewers saw them."""
    return {item.position: Shown(item.messages, item.texts) for item in review.items.all()}


def results_of(review: Review) -> dict[str, Any]:
    """The baseline stands last, so that a pair reads: the candidate is better or worse than it."""
    baselines = set(review.evaluation.systems.filter(is_baseline=True).values_list("key", flat=True))
    systems = sorted(review.systems, key=lambda key: key in baselines)
    return reviewing.results(decisions_of(review), systems, 0 if review.only_different else review.equal)


def human_decisions(evaluation: Evaluation, a: str, b: str) -> dict[int, str]:
    """What people decided between two systems of an evaluation, by row position: the key of the one they preferred, or
    "tie" (equally good, neither, or no majority). Of reviews that are over; a later one counts for a row that both
    have. Where a third system won, nothing is known of the two, and the row is left out. For the agreement of a judge
    with people."""
    found: dict[int, str] = {}
    for review in evaluation.reviews.order_by("id"):
        if not review.is_over or not {a, b} <= set(review.systems):
            continue
        for row, said in reviewing.outcome_of_rows(decisions_of(review)).items():
            preferred = {a, b} & set(said.winners)
            if said.kind == "won" and not preferred:
                continue
            found[row] = preferred.pop() if len(preferred) == 1 else "tie"
    return found


def _for_engine(given: Decision) -> reviewing.Decision:
    chosen, winners = "", ()
    if given.answer == Answer.WON and given.place is not None:
        chosen = given.order[given.place - 1]
        texts = given.item.texts
        winners = tuple(sorted(key for key in given.order if texts[key] == texts[chosen]))
    return reviewing.Decision(
        row=given.item.position,
        reviewer=given.reviewer.user.username,
        order=tuple(given.order),
        kind=given.answer,  # type: ignore[arg-type]
        winners=winners,
        chosen=chosen,
        seconds=given.seconds,
    )
