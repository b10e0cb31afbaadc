"""A row is edited in the browser; edits wait in a basket and become one version together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion, Repair
from datasets_app.review_models import ValuesShown, Waiting
from tests.datasets_app.cast import audited
from tests.world import World, run_to_end, ticket_rows, write_jsonl

PERSONAL = "Write to jane.doe@example.com, please."


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    """20 chat rows; one with an address, one with a tool call, a pair of columns, a class."""
    asked = {"role": "user", "content": PERSONAL}
    call = {"type": "function", "function": {"name": "find", "arguments": "{}"}}
    rows = [
        *ticket_rows(20),
        {"messages": [asked, {"role": "assistant", "content": "Done."}]},
        {
            "messages": [
                {"role": "user", "content": "Find it"},
                {"role": "assistant", "content": None, "tool_calls": [call]},
            ]
        },
        {"prompt": "Two\r\nlines", "completion": "Yes", "weight": 2},
        {"text": "I want my money", "label": "refund"},
    ]
    return audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))


def url_of(world: World, version: DatasetVersion, number: int) -> str:
    return reverse("row_edit", args=[world.project.pk, version.pk, number])


def chat(question: str, answer: str, **more: Any) -> dict[str, Any]:
    return {
        "tab": "form",
        "origin": ["0", "1"],
        "role": ["user", "assistant"],
        "text": [question, answer],
        "save": "1",
        **more,
    }


def apply(world: World, version: DatasetVersion) -> DatasetVersion:
    url = reverse("version_basket", args=[world.project.pk, version.pk])
    assert world.client("member").post(url, {"apply": "1"}).status_code == 302
    repair = Repair.objects.get()
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None
    return repair.child


def test_several_edits_become_one_version(world: World, version: DatasetVersion) -> None:
    client = world.client("member")
    html = client.post(url_of(world, version, 1), chat("What now?", "Wait."), follow=True).content.decode()
    assert "1 change is waiting" in html
    assert "<ins>Wait.</ins>" in html
    client.post(url_of(world, version, 24), {"tab": "form", "column": ["text", "label"], "value": ["Money", "bug"]})
    child = apply(world, version)
    rows = [json.loads(line) for line in child.path.read_text().splitlines()]
    assert rows[0]["messages"] == [{"role": "user", "content": "What now?"}, {"role": "assistant", "content": "Wait."}]
    assert rows[23] == {"text": "Money", "label": "bug"}
    before = [json.loads(line) for line in version.path.read_text().splitlines()]
    assert rows[1:23] == before[1:23]
    assert child.operation["changed"] == {"edit": 2}
    assert not Waiting.objects.exists()


def test_it_keeps_what_the_form_has_no_place_for(world: World, version: DatasetVersion) -> None:
    client = world.client("member")
    html = client.get(url_of(world, version, 22)).content.decode()
    assert "tool_calls" in html
    client.post(url_of(world, version, 22), chat("Find them", ""))
    # A browser sends every line end as CRLF; a text it did not change stays as it was.
    client.post(
        url_of(world, version, 23),
        {"tab": "form", "column": ["prompt", "completion", "weight"], "value": ["Two\r\nlines", "No", "3"]},
    )
    kept = {one.data["number"]: one.data["row"] for one in Waiting.objects.all()}
    assert kept[22]["messages"][1]["tool_calls"][0]["function"]["name"] == "find"
    assert kept[22]["messages"][1]["content"] is None
    assert kept[23] == {"prompt": "Two\r\nlines", "completion": "No", "weight": 3}


def test_it_says_what_is_wrong_and_keeps_what_was_typed(world: World, version: DatasetVersion) -> None:
    client = world.client("member")
    answer = client.post(url_of(world, version, 1), chat("A new question", "   "))
    assert answer.status_code == 422
    assert b"A new question" in answer.content
    assert b"messages[1]" in answer.content, "it names the turn"
    for text in ('{"messages": [', '{"a": 1, "a": 2}', "[1]", '{"a": NaN}', '{"nothing": "known"}', ""):
        answer = client.post(url_of(world, version, 1), {"tab": "json", "json": text, "save": "1"})
        assert answer.status_code == 422, text
        assert b'role="alert"' in answer.content
    assert not Waiting.objects.exists()


def test_it_adds_and_takes_away_turns(world: World, version: DatasetVersion) -> None:
    client = world.client("member")
    html = client.post(url_of(world, version, 1), {**chat("One", "Two"), "save": "", "add": "2"}).content.decode()
    assert html.count('name="origin"') == 3
    assert "One</textarea>" in html, "nothing typed is lost"
    more = chat("One", "Two")
    more |= {"origin": ["0", "1", "", ""], "role": ["user", "assistant"] * 2, "text": ["One", "Two", "Three", "Four"]}
    client.post(url_of(world, version, 1), more)
    row = Waiting.objects.get().data["row"]
    assert [turn["content"] for turn in row["messages"]] == ["One", "Two", "Three", "Four"]
    html = client.post(url_of(world, version, 1), {**more, "save": "", "drop": "0"}).content.decode()
    assert html.count('name="origin"') == 3
    assert "One</textarea>" not in html


def test_personal_data_is_shown_only_when_asked_for(world: World, version: DatasetVersion) -> None:
    client = world.client("member")
    url = url_of(world, version, 21)
    html = client.get(url).content.decode()
    assert "jane.doe" not in html
    assert "Show values and edit" in html
    assert "jane.doe@example.com" in client.post(url, {"show": "1"}).content.decode()
    look = ValuesShown.objects.get()
    assert (look.version, look.number, look.by) == (version, 21, world.member), "who saw them, and when, is kept"
    assert "Values shown to member" in client.get(url).content.decode()
    client.post(url, {"tab": "form", "add": "1"})
    assert ValuesShown.objects.count() == 1, "a quarter of an hour is one look"
    client.post(url_of(world, version, 1), {"show": "1"})
    assert ValuesShown.objects.count() == 1, "nothing is hidden in that row"
    assert world.client("reader").post(url, {"show": "1"}).status_code == 403
    html = client.post(url, chat(PERSONAL + " Now.", "Done."), follow=True).content.decode()
    assert "jane.doe" not in html, "the basket masks"
    assert "Now" in html


def test_a_change_is_taken_out_and_nothing_is_no_change(world: World, version: DatasetVersion) -> None:
    client = world.client("member")
    basket = reverse("version_basket", args=[world.project.pk, version.pk])
    client.post(url_of(world, version, 1), chat("A", "B"))
    client.post(basket, {"remove": str(Waiting.objects.get().pk)})
    assert not Waiting.objects.exists()
    original = ticket_rows(1)[0]["messages"]
    answer = client.post(url_of(world, version, 1), chat(original[0]["content"], original[1]["content"]), follow=True)
    assert b"nothing waits for it" in answer.content
    answer = client.post(basket, {"apply": "1"}, follow=True)
    assert b"Nothing that waits here" in answer.content
    assert not Repair.objects.exists()


def test_baskets_are_each_persons_own(world: World, version: DatasetVersion) -> None:
    world.client("member").post(url_of(world, version, 1), chat("Mine", "Mine alone"))
    owner = world.client("owner")
    assert b"Mine alone" not in owner.get(reverse("version_basket", args=[world.project.pk, version.pk])).content
    assert b"Mine alone" not in owner.get(url_of(world, version, 1)).content
    owner.post(reverse("version_basket", args=[world.project.pk, version.pk]), {"empty": "1"})
    assert Waiting.objects.count() == 1


def test_hostile_text_is_text(world: World, version: DatasetVersion) -> None:
    hostile = "</textarea><script>alert(1)</script>"
    client = world.client("member")
    html = client.post(url_of(world, version, 1), chat(hostile, "Ok"), follow=True).content.decode()
    html += client.get(url_of(world, version, 1)).content.decode()
    assert "<script>alert(1)" not in html
    assert "&lt;/textarea&gt;" in html
