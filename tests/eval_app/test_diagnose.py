"""The diagnosis of a system: causes, advice, examples, and the cause a person gives a row."""

from __future__ import annotations

import pytest

from eval_app.models import Evaluation
from eval_app.verdict_models import CauseLabel
from tests.eval_app.judged import evaluated
from tests.world import World

pytestmark = pytest.mark.django_db


def page_of(world: World, found: Evaluation, **query: str) -> str:
    return world.client("reader").get(f"{found.get_absolute_url()}diagnosis/", query).content.decode()


def failed_row(found: Evaluation, system: str, cause: str) -> int:
    rows = found.results["diagnosis"][system]["rows"]
    return next(int(row) for row, one in rows.items() if one["cause"] == cause)


def test_it_shows_causes_advice_and_examples(world: World) -> None:
    found = evaluated(world)
    page = page_of(world, found, system="base")
    told = found.results["diagnosis"]["base"]
    assert told["advice"] in page.replace("&#x27;", "'")
    assert f"n = {told['failures']} failed rows" in page
    for words in ("Knowledge gap", "Ignored instruction", "Behaviour gap", "Structured output", "Retrieval", "Tuning"):
        assert words in page
    assert "JSON was wanted, and the answer is no JSON." in page
    assert "(empty)" in page and page.count("data-row ") == 20


def test_the_url_chooses_system_and_cause(world: World) -> None:
    found = evaluated(world)
    assert "Why the rows of Tiny + better prompt failed" in page_of(world, found)
    behaviour = page_of(world, found, system="base", cause="behaviour_gap")
    assert "JSON was wanted, and the answer is no JSON." not in behaviour
    assert "It refuses what the reference answers." in behaviour
    response = world.client("reader").get(f"{found.get_absolute_url()}diagnosis/", {"system": "nobody"})
    assert response.status_code == 404


def test_a_person_gives_a_row_another_cause_and_it_survives_a_recomputation(world: World) -> None:
    found = evaluated(world)
    row = failed_row(found, "base", "format")
    before = found.results["diagnosis"]["base"]["causes"]
    member = world.client("member")
    sent = {"system": "base", "row": row, "cause": "knowledge_gap", "shown": "format", "page": "1"}
    response = member.post(f"{found.get_absolute_url()}diagnosis/cause/", sent)
    assert response.url.endswith(f"diagnosis/?system=base&cause=format&page=1#row-{row}")
    found.run.recorder().on_success(found.run)
    page = page_of(world, found, system="base")
    assert f"By {world.member.username}," in page and "1 as a person said" in page
    assert f'Format <span class="n">{before["format"] - 1}</span>' in page
    assert f'Knowledge gap <span class="n">{before["knowledge_gap"] + 1}</span>' in page
    member.post(f"{found.get_absolute_url()}diagnosis/cause/", {**sent, "cause": "format"})
    assert CauseLabel.objects.count() == 2, "the earlier word is kept"
    assert f'Format <span class="n">{before["format"]}</span>' in page_of(world, found, system="base")


def test_what_is_no_cause_and_no_failure_is_refused(world: World) -> None:
    found = evaluated(world)
    row = failed_row(found, "base", "format")
    url = f"{found.get_absolute_url()}diagnosis/cause/"
    member = world.client("member")
    page = member.post(url, {"system": "base", "row": row, "cause": "<b>magic"}, follow=True).content.decode()
    assert "is no cause" in page and "<b>magic" not in page
    right = next(at for at in range(120) if str(at) not in found.results["diagnosis"]["base"]["rows"])
    assert member.post(url, {"system": "base", "row": right, "cause": "format"}).status_code == 404
    assert world.client("reader").post(url, {"system": "base", "row": row, "cause": "format"}).status_code == 403
    assert CauseLabel.objects.count() == 0
