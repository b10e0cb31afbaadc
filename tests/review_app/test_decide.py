"""The reviewer's page: blind, resumable, and safe in several windows."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from eval_app.models import Evaluation
from review_app.models import Decision, Review
from tests.review_app.cast import NAMES, decide_all, evaluated, item_url, place_of, reviewed
from tests.world import World

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "review-item"}


@pytest.fixture
def evaluation(world: World) -> Evaluation:
    return evaluated(world)


@pytest.fixture
def review(world: World, evaluation: Evaluation) -> Review:
    return reviewed(world, evaluation)


def mine(world: World, review: Review, number: int = 1) -> Decision:
    return review.reviewers.get(user=world.member).decisions.get(number=number)


def test_nothing_on_the_page_says_whose_an_answer_is(world: World, review: Review) -> None:
    client = world.client("member")
    for number in range(1, 11):
        answer = client.get(item_url(review, number))
        main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
        headers = {name: value for name, value in answer.headers.items() if name != "Content-Security-Policy"}
        said = main + str(headers) + item_url(review, number)
        for word in (*NAMES, *NAMES.values(), "baseline", "candidate", str(world.base_model.path)):
            assert not re.search(rf"\b{re.escape(word)}\b", said), word


def test_the_page_differs_only_in_the_texts_when_the_order_is_turned(world: World, review: Review) -> None:
    client = world.client("member")
    decision = mine(world, review)
    one, other = (decision.item.texts[key] for key in decision.order)

    def page() -> str:
        text = client.get(item_url(review, 1)).content.decode()
        return re.sub(r"(csrf_token|csrfmiddlewaretoken|nonce|X-CSRFToken)[^>]*", "", text)

    before = page()
    Decision.objects.filter(pk=decision.pk).update(order=decision.order[::-1])
    escaped = {text: text.replace('"', "&quot;") for text in (one, other)}
    swapped = before.replace(escaped[one], "\0").replace(escaped[other], escaped[one]).replace("\0", escaped[other])
    assert before != swapped
    assert page() == swapped


def test_the_reference_is_shown_only_when_the_starter_allowed_it(world: World, evaluation: Evaluation) -> None:
    client = world.client("member")
    without = client.get(item_url(reviewed(world, evaluation), 1)).content.decode()
    shown = client.get(item_url(reviewed(world, evaluation, show_reference="on"), 1)).content.decode()
    assert "Reference" not in without
    assert "Reference" in shown
    assert "Prefer valid JSON." in without


def test_a_decision_is_recorded_and_the_next_item_comes(world: World, review: Review) -> None:
    answer = world.client("member").post(
        item_url(review, 1), {"choice": place_of(review, world.member, 1, "tuned"), "was": "", "comment": "clearer"}
    )
    assert answer.url == item_url(review, 2)
    found = mine(world, review)
    assert found.order[found.place - 1] == "tuned"
    assert found.comment == "clearer"
    assert found.decided_at is not None


def test_htmx_gets_the_item_alone_and_its_address(world: World, review: Review) -> None:
    answer = world.client("member").post(item_url(review, 1), {"choice": "tie", "was": ""}, headers=HTMX)
    assert answer.headers["HX-Push-Url"] == item_url(review, 2)
    text = answer.content.decode()
    assert text.count('id="review-item"') == 1
    assert "<html" not in text
    assert "Item 2 of 10" in text
    assert mine(world, review).answer == "tie"


@pytest.mark.parametrize("choice", ["3", "0", "-1", "best", "base", "none"])
def test_it_takes_no_other_choice(world: World, review: Review, choice: str) -> None:
    assert world.client("member").post(item_url(review, 1), {"choice": choice, "was": ""}).status_code == 400
    assert world.client("member").post(item_url(review, 1), {}).status_code == 400
    assert mine(world, review).answer == ""


def test_one_goes_back_and_changes_a_decision(world: World, review: Review) -> None:
    client = world.client("member")
    client.post(item_url(review, 1), {"choice": "1", "was": "", "comment": "first"})
    back = client.post(item_url(review, 2), {"go": "previous", "comment": "half a thought"})
    assert back.url == item_url(review, 1)
    assert mine(world, review, 2).comment == "half a thought", "what was typed is kept when one moves"
    page = client.get(back.url).content.decode()
    assert "You chose answer 1" in page
    assert "first" in page
    client.post(item_url(review, 1), {"choice": "neither", "was": "1", "comment": "both wrong"})
    found = mine(world, review)
    assert (found.answer, found.place, found.comment) == ("neither", None, "both wrong")


def test_it_goes_on_where_one_stopped(world: World, review: Review) -> None:
    client = world.client("member")
    client.post(item_url(review, 1), {"choice": "1", "was": ""})
    client.post(item_url(review, 2), {"choice": "skip", "was": ""})
    page = client.get(review.get_absolute_url()).content.decode()
    assert "Go on with item 3" in page
    assert item_url(review, 3) in page


def test_the_same_decision_twice_is_one(world: World, review: Review) -> None:
    client = world.client("member")
    for _ in range(3):
        assert client.post(item_url(review, 1), {"choice": "2", "was": "", "seconds": "4"}).url == item_url(review, 2)
    assert mine(world, review).place == 2
    assert Decision.objects.exclude(answer="").count() == 1


def test_an_old_window_does_not_overwrite_a_newer_decision(world: World, review: Review) -> None:
    client = world.client("member")
    client.post(item_url(review, 1), {"choice": "2", "was": ""})
    answer = client.post(item_url(review, 1), {"choice": "1", "was": ""})
    assert answer.status_code == 200
    assert "decided in another window" in answer.content.decode()
    assert mine(world, review).place == 2


def test_a_second_click_does_not_wipe_the_comment(world: World, review: Review) -> None:
    client = world.client("member")
    client.post(item_url(review, 1), {"choice": "2", "was": "", "comment": "kept"})
    client.post(item_url(review, 1), {"choice": "2", "was": "", "comment": ""})
    assert mine(world, review).comment == "kept"
    client.post(item_url(review, 1), {"choice": "2", "was": "2", "comment": ""})
    assert mine(world, review).comment == "", "who sees it may take it away"


def test_time_is_what_the_page_measured_within_what_passed(world: World, review: Review) -> None:
    client = world.client("member")
    client.get(item_url(review, 1))
    Decision.objects.update(shown_at=timezone.now() - timedelta(seconds=40))
    client.post(item_url(review, 1), {"choice": "1", "was": "", "seconds": "12.5"})
    client.post(item_url(review, 3), {"choice": "1", "was": "", "seconds": "1e9"})
    client.post(item_url(review, 4), {"choice": "1", "was": "", "seconds": ""})
    Decision.objects.filter(number=5).update(shown_at=timezone.now() - timedelta(hours=3))
    client.post(item_url(review, 5), {"choice": "1", "was": ""})
    found = [mine(world, review, number).seconds for number in (1, 3, 4, 5)]
    assert found[0] == 12.5
    assert 39 < found[1] < 60
    assert 39 < found[2] < 60
    assert found[3] == 300


def test_two_people_decide_the_same_rows_apart(world: World, evaluation: Evaluation) -> None:
    review = reviewed(world, evaluation, reviewers=[str(world.member.pk), str(world.owner.pk)])
    world.client("member").post(item_url(review, 1), {"choice": "1", "was": ""})
    theirs = review.reviewers.get(user=world.owner).decisions.get(number=1)
    assert theirs.answer == ""
    assert mine(world, review).answer == "won"


def test_only_who_was_asked_reviews(world: World, review: Review) -> None:
    assert world.client("owner").get(item_url(review, 1)).status_code == 403
    assert world.client("owner").post(item_url(review, 1), {"choice": "1", "was": ""}).status_code == 403
    assert world.client("member").get(item_url(review, 11)).status_code == 404


def test_the_last_decision_leads_to_finishing_and_then_nothing_changes(world: World, review: Review) -> None:
    client = world.client("member")
    finish = reverse("review_finish", args=[world.project.pk, review.pk])
    page = client.post(finish, follow=True).content.decode()
    assert "Some items are still open" in page
    decide_all(world, review)
    done = client.post(item_url(review, 1), {"choice": "tie", "was": mine(world, review).said})
    assert done.url == review.get_absolute_url()
    assert mine(world, review).answer == "won", "who has seen the results changes nothing"


def test_hostile_text_stays_text(world: World, evaluation: Evaluation) -> None:
    review = reviewed(world, evaluation, instructions="<script>alert(1)</script>")
    item = mine(world, review).item
    item.texts = dict.fromkeys(item.texts, "<img src=x onerror=alert(2)>")
    item.messages = [{"role": "user", "content": "</p><script>alert(3)</script>"}]
    item.save(update_fields=["texts", "messages"])
    page = world.client("member").get(item_url(review, 1)).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
