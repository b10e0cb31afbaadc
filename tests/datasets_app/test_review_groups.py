"""Groups are decided one by one, kept as they are decided, and applied as one operation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion, Repair
from datasets_app.review_models import Waiting
from tests.datasets_app.cast import audited
from tests.world import World, run_to_end, ticket_rows, write_jsonl

QUESTIONS = ("Is the shop open on Sunday?", "Is there a fee for a return?", "Can I pay by invoice?")


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def conflicting(world: World, tmp_path: Path) -> DatasetVersion:
    """20 sound rows and three questions with two answers each; the first answer of the first is given twice."""
    rows = [*ticket_rows(20)]
    for question in QUESTIONS:
        rows += [chat(question, "Yes."), chat(question, "No.")]
    return audited(world, write_jsonl(tmp_path / "rows.jsonl", [*rows, chat(QUESTIONS[0], "Yes.")]))


def url_of(world: World, version: DatasetVersion, code: str = "conflicting_answers") -> str:
    return reverse("version_groups", args=[world.project.pk, version.pk, code])


def choose(world: World, version: DatasetVersion, group: int, keep: str, code: str = "conflicting_answers") -> Any:
    return world.client("member").post(url_of(world, version, code), {"group": str(group), "keep": keep})


def apply(world: World, version: DatasetVersion, op: str) -> DatasetVersion:
    url = reverse("version_basket", args=[world.project.pk, version.pk])
    assert world.client("member").post(url, {"apply": "1", "op": op}).status_code == 302
    repair = Repair.objects.get()
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None
    return repair.child


def answers(version: DatasetVersion) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in version.path.read_text().splitlines():
        question, answer = (turn["content"] for turn in json.loads(line)["messages"])
        found.setdefault(question, []).append(answer)
    return found


def test_it_shows_the_prompt_once_and_the_answers_beside_each_other(world: World, conflicting: DatasetVersion) -> None:
    html = world.client("member").get(url_of(world, conflicting)).content.decode()
    assert html.count(QUESTIONS[0]) == 1
    assert "Keep line 21 and 1 more with this answer" in html
    assert "Keep line 22" in html
    assert "0 of 3 decided" in html
    assert 'rel="next"' in html


def test_choices_are_kept_as_they_are_made_and_applied_together(world: World, conflicting: DatasetVersion) -> None:
    assert choose(world, conflicting, 1, "21")["Location"].endswith("?group=2")
    choose(world, conflicting, 2, "skip")
    html = world.client("member").get(url_of(world, conflicting) + "?group=1").content.decode()
    assert "2 of 3 decided" in html
    assert 'value="21" required checked' in html
    choose(world, conflicting, 3, "none")
    child = apply(world, conflicting, "resolve")
    left = answers(child)
    assert left[QUESTIONS[0]] == ["Yes.", "Yes."]
    assert left[QUESTIONS[1]] == ["Yes.", "No."], "what was skipped stays"
    assert QUESTIONS[2] not in left
    assert len(left) == 22
    assert not Waiting.objects.exists()


def test_it_takes_no_row_of_another_group(world: World, conflicting: DatasetVersion) -> None:
    assert choose(world, conflicting, 1, "23").status_code == 400
    assert choose(world, conflicting, 1, "perhaps").status_code == 400
    assert b"No such group" in world.client("member").get(url_of(world, conflicting) + "?group=99").content
    assert not Waiting.objects.exists()


@pytest.fixture
def alike(world: World, tmp_path: Path) -> DatasetVersion:
    """20 sound rows and two pairs that differ in one word."""
    text = "The parcel with order {} came on {} and the box was open, so I send it back to you and ask for my money."
    pairs = [chat(text.format(number, day), "I am sorry.") for number in ("ninety", "seven") for day in ("May", "June")]
    return audited(world, write_jsonl(tmp_path / "rows.jsonl", [*ticket_rows(20), *pairs]))


def test_near_duplicates_go_only_where_somebody_chose(world: World, alike: DatasetVersion) -> None:
    html = world.client("member").get(url_of(world, alike, "near_duplicate")).content.decode()
    before = len(alike.path.read_text().splitlines())
    choose(world, alike, 1, str(first_of(html)), "near_duplicate")
    child = apply(world, alike, "dedupe")
    (operation,) = Repair.objects.get().operations
    assert operation["op"] == "drop" and operation["codes"] == []
    gone = before - len(child.path.read_text().splitlines())
    assert gone == html.count('name="keep"') - 2, "of the rows shown one is kept, and skip is no row"


def first_of(html: str) -> int:
    return int(html.split('name="keep" value="')[1].split('"')[0])


def test_it_needs_a_member_and_a_finding_with_groups(world: World, conflicting: DatasetVersion) -> None:
    assert world.client("reader").get(url_of(world, conflicting)).status_code == 403
    assert world.client("stranger").get(url_of(world, conflicting)).status_code == 404
    assert world.client("member").get(url_of(world, conflicting, "empty_answer")).status_code == 404
