"""Who sees the results, and what they say."""

from __future__ import annotations

import html

import pytest
from django.urls import reverse

from eval_app.models import Evaluation
from review_app.models import Review
from review_app.reading import human_decisions, results_of
from tests.review_app.cast import NAMES, decide_all, evaluated, item_url, reviewed
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def evaluation(world: World) -> Evaluation:
    return evaluated(world)


@pytest.fixture
def review(world: World, evaluation: Evaluation) -> Review:
    """Two people on the same ten rows."""
    return reviewed(world, evaluation, reviewers=[str(world.member.pk), str(world.owner.pk)])


def page(world: World, review: Review, role: str, status: int = 200) -> str:
    answer = world.client(role).get(reverse("review_results", args=[world.project.pk, review.pk]))
    assert answer.status_code == status
    return answer.content.decode()


def test_interim_results_are_for_those_who_are_done(world: World, review: Review) -> None:
    for role in ("reader", "member", "owner"):
        text = page(world, review, role, 403)
        assert not any(name in text for name in NAMES.values())
    decide_all(world, review, "member")
    assert NAMES["tuned"] in page(world, review, "member")
    assert NAMES["tuned"] not in page(world, review, "reader", 403)
    decide_all(world, review, "owner")
    assert NAMES["tuned"] in page(world, review, "reader")


def test_an_owner_may_look_and_that_is_written_down(world: World, review: Review) -> None:
    decide_all(world, review, "member")
    url = reverse("review_results", args=[world.project.pk, review.pk])
    assert "Show them to me as owner" in page(world, review, "owner", 403)
    assert world.client("reader").post(url).status_code == 403
    text = world.client("owner").post(url, follow=True).content.decode()
    assert "owner saw results before finishing" in text
    assert "owner saw results before finishing" in page(world, review, "member")
    assert not review.reviewers.get(user=world.member).unblinded_at


def test_a_member_cannot_unblind(world: World, review: Review) -> None:
    url = reverse("review_results", args=[world.project.pk, review.pk])
    assert world.client("member").post(url, follow=True).status_code == 403


def test_an_owner_who_does_not_review_sees_them_at_once(world: World, evaluation: Evaluation) -> None:
    review = reviewed(world, evaluation)
    assert "Nothing is decided yet" in page(world, review, "owner")


def test_the_page_has_every_figure_with_its_company(world: World, review: Review) -> None:
    decide_all(world, review, "member", key="tuned", item_3="tie", item_4="skip")
    decide_all(world, review, "owner", key="tuned", item_1="neither")
    text = html.unescape(page(world, review, "reader"))
    for words in (
        "Tuned on tickets", "exact sign test", "95 % interval", "Cohen's kappa", "Krippendorff's alpha",
        "Left answer chosen", "Time an item", "ties as half", "ties apart", "2 with equal answers", "1 skip",
    ):  # fmt: skip
        assert words in text, words
    assert f"/evaluate/{review.evaluation_id}/compare/rows/3/" in text


def test_comments_are_shown_with_who_and_where(world: World, evaluation: Evaluation) -> None:
    review = reviewed(world, evaluation)
    decide_all(world, review, "member", finish=False)
    client = world.client("member")
    client.post(item_url(review, 1), {"go": "next", "comment": "<b>same</b>"})
    client.post(reverse("review_finish", args=[world.project.pk, review.pk]))
    text = page(world, review, "member")
    assert "&lt;b&gt;same&lt;/b&gt;" in text
    assert "<b>same" not in text


def test_three_systems_give_a_table_of_pairs(world: World, evaluation: Evaluation) -> None:
    review = reviewed(world, evaluation, systems=["base", "tuned", "few"])
    decide_all(world, review, key="few")
    text = page(world, review, "member")
    assert "Pair by pair" in text
    assert "p (Holm)" in text
    found = results_of(review)
    assert found["systems"]["few"]["wins"]["count"] == 10
    verdicts = {(pair["a"], pair["b"]): pair["verdict"] for pair in found["pairs"]}
    assert verdicts["tuned", "few"] == "worse"
    assert verdicts["few", "base"] == "better", "the baseline stands last"


def test_closing_ends_a_review_for_everybody(world: World, review: Review) -> None:
    decide_all(world, review, "member")
    url = reverse("review_close", args=[world.project.pk, review.pk])
    assert world.client("reader").post(url).status_code == 403
    assert world.client("member").post(url).status_code == 302, "whoever started it"
    assert NAMES["tuned"] in page(world, review, "reader")
    answer = world.client("owner").post(item_url(review, 1), {"choice": "1", "was": ""})
    assert answer.url == review.get_absolute_url()
    assert not review.reviewers.get(user=world.owner).decisions.exclude(answer="").exists()


def test_a_judge_can_be_compared_with_people(world: World, evaluation: Evaluation) -> None:
    review = reviewed(world, evaluation, systems=["base", "tuned", "few"])
    assert human_decisions(evaluation, "base", "tuned") == {}
    decide_all(world, review, key="tuned", item_1="tie", item_2="skip")
    found = human_decisions(evaluation, "base", "tuned")
    assert sorted(found.values()) == ["tie"] + ["tuned"] * 8
    assert human_decisions(evaluation, "base", "few") == {row: "tie" for row in found if found[row] == "tie"}


def test_the_list_says_what_waits_for_me(world: World, review: Review) -> None:
    url = reverse("reviews", args=[world.project.pk])
    assert "Needs you" in world.client("member").get(url).content.decode()
    assert "Needs you" not in world.client("reader").get(url).content.decode()
    decide_all(world, review, "member")
    assert "Needs you" not in world.client("member").get(url).content.decode()
