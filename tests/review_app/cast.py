"""What the tests of blind review share: an evaluation whose rows and answers are written into the database."""

from __future__ import annotations

import json
from typing import Any

from django.urls import reverse

from eval_app.models import Evaluation
from review_app.models import Review
from tests.eval_app.cast import Say, recorded
from tests.world import World

NAMES = {"base": "Base as it is", "tuned": "Tuned on tickets", "few": "Base with examples"}


def evaluated(world: World, rows: int = 12, equal: int = 2) -> Evaluation:
    """An ended evaluation of three systems; on the first ``equal`` rows all answers are the same. No answer has a word
    of its system in it."""

    def say(key: str) -> Say:
        return lambda row, reference: reference if row < equal else answer_of(key, row)

    found = recorded(world, {key: say(key) for key in NAMES}, rows)
    found.name = "Tickets, June"
    for key, name in NAMES.items():
        found.systems.filter(key=key).update(name=name, base_model=None)
        found.results["systems"][key]["name"] = name
    found.save(update_fields=["name", "results"])
    return found


def answer_of(key: str, position: int) -> str:
    """Texts of which the test alone knows whose they are."""
    return json.dumps({"kind": {"base": "bug", "tuned": "refund", "few": "question"}[key], "order": 100 + position})


def start(world: World, evaluation: Evaluation, role: str = "member", **more: Any) -> Any:
    form: dict[str, Any] = {
        "systems": ["base", "tuned"], "rows": "12", "pick": "random", "reviewers": [str(world.member.pk)],
        "overlap": "100", "seed": "42", "instructions": "Prefer valid JSON.",
    }  # fmt: skip
    url = reverse("review_new", args=[world.project.pk, evaluation.pk])
    return world.client(role).post(url, form | more)


def reviewed(world: World, evaluation: Evaluation, **more: Any) -> Review:
    answer = start(world, evaluation, **more)
    assert answer.status_code == 302, answer.content.decode()
    return Review.objects.latest("pk")


def item_url(review: Review, number: int) -> str:
    return reverse("review_item", args=[review.project_id, review.pk, number])


def place_of(review: Review, user: Any, number: int, key: str) -> str:
    """Where this person sees the answer of a system: what the test knows and the page does not say."""
    order = review.reviewers.get(user=user).decisions.get(number=number).order
    return str(order.index(key) + 1)


def decide_all(
    world: World, review: Review, role: str = "member", key: str = "tuned", finish: bool = True, **special: str
) -> None:
    """Everything for one system, but for ``special``: item_3="tie". Then finishes."""
    user, client = getattr(world, role), world.client(role)
    for number in range(1, review.reviewers.get(user=user).decisions.count() + 1):
        choice = special.get(f"item_{number}") or place_of(review, user, number, key)
        answer = client.post(item_url(review, number), {"choice": choice, "was": ""})
        assert answer.status_code == 302, answer.content
    if finish:
        answer = client.post(reverse("review_finish", args=[review.project_id, review.pk]))
        assert answer.url == reverse("review_results", args=[review.project_id, review.pk])
