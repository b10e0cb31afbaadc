"""Starting a blind review: which systems, which rows, who."""

from __future__ import annotations

from collections import Counter

import pytest

from eval_app.models import Output
from review_app.models import Decision, Review
from tests.review_app.cast import evaluated, reviewed, start
from tests.world import World

pytestmark = pytest.mark.django_db


def test_it_starts_from_the_page_of_the_evaluation(world: World) -> None:
    evaluation = evaluated(world)
    page = world.client("member").get(evaluation.get_absolute_url()).content.decode()
    assert "Start a blind review" in page
    assert "Start a blind review" not in world.client("reader").get(evaluation.get_absolute_url()).content.decode()
    review = reviewed(world, evaluation)
    assert str(review) in world.client("member").get(evaluation.get_absolute_url()).content.decode()


def test_it_shows_rows_that_differ_and_counts_the_others(world: World) -> None:
    review = reviewed(world, evaluated(world, rows=12, equal=2))
    assert review.items.count() == 10
    assert review.equal == 2
    page = world.client("member").get(review.get_absolute_url()).content.decode()
    assert "2 rows drawn as well, not shown" in page


def test_it_draws_from_rows_that_differ_when_asked(world: World) -> None:
    review = reviewed(world, evaluated(world, rows=12, equal=6), rows="6", pick="different")
    assert review.items.count() == 6


def test_it_leaves_out_rows_a_system_did_not_answer(world: World) -> None:
    evaluation = evaluated(world)
    Output.objects.filter(row__evaluation=evaluation, row__position__gte=9, system__key="tuned").delete()
    Output.objects.filter(row__evaluation=evaluation, row__position=8, system__key="base").update(problem="503")
    review = reviewed(world, evaluation)
    assert (review.items.count(), review.unanswered) == (6, 4)


def test_it_deals_overlapping_rows_to_several_reviewers(world: World) -> None:
    people = [str(world.member.pk), str(world.owner.pk)]
    review = reviewed(world, evaluated(world), reviewers=people, overlap="40")
    seen = Counter(Decision.objects.filter(reviewer__review=review).values_list("item__position", flat=True))
    assert Counter(seen.values()) == {2: 4, 1: 6}


def test_each_reviewer_has_a_stored_order_of_their_own(world: World) -> None:
    people = [str(world.member.pk), str(world.owner.pk)]
    review = reviewed(world, evaluated(world, rows=30), reviewers=people, rows="30")
    one, other = (
        {each.item_id: each.order for each in part.decisions.all()} for part in review.reviewers.order_by("id")
    )
    assert one.keys() == other.keys()
    assert one != other
    assert Counter(map(tuple, one.values())) == {("base", "tuned"): 14, ("tuned", "base"): 14}


def test_what_people_judge_does_not_change_with_the_evaluation(world: World) -> None:
    evaluation = evaluated(world)
    review = reviewed(world, evaluation)
    evaluation.rows.all().delete()
    assert review.items.count() == 10
    assert set(review.items.first().texts) == {"base", "tuned"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"systems": ["base"]}, "Choose 2 or 3 systems; 1 are ticked"),
        ({"systems": ["base", "nobody"]}, "Select a valid choice"),
        ({"rows": "0"}, "greater than or equal to 1"),
        ({"reviewers": []}, "required"),
        ({"reviewers": ["999999"]}, "Select a valid choice"),
        ({"overlap": "101"}, "less than or equal to 100"),
    ],
)
def test_it_says_what_is_wrong_with_the_form(world: World, more: dict[str, object], words: str) -> None:
    answer = start(world, evaluated(world), **more)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert "Prefer valid JSON." in answer.content.decode(), "what was typed is kept"
    assert not Review.objects.exists()


def test_a_reader_cannot_be_asked_to_review(world: World) -> None:
    assert start(world, evaluated(world), reviewers=[str(world.reader.pk)]).status_code == 400


def test_it_says_when_there_is_nothing_to_prefer(world: World) -> None:
    answer = start(world, evaluated(world, rows=4, equal=4))
    assert answer.status_code == 400
    assert "There is nothing to prefer" in answer.content.decode()
