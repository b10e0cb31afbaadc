"""Drafting rows from a version with an endpoint, reviewing them, and adding what was accepted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.urls import reverse

from datasets_app import marks
from drafts_app.models import DraftBatch, DraftRow, State
from models_app.models import Endpoint
from models_app.registering import register
from runs_app.models import Status
from tests.drafts_app.cast import FORM, act, drafted, endpoint_of, page_of, start, two_rows, version_of
from tests.engine.data.rows import many, qa
from tests.engine.teachers.openai_server import KEY, OpenAI, failure, serving
from tests.world import World, run_to_end

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Any) -> Iterator[OpenAI]:
    settings.ALLOW_PRIVATE_ENDPOINTS = True
    with ExitStack() as stack:
        yield stack.enter_context(serving(two_rows))


def test_it_shows_what_would_leave_and_sends_nothing(world: World, tmp_path: Path, server: OpenAI) -> None:
    rows = [qa(f"Mail of person {n} in town {n * 7}?", f"It is anna{n}@example.com.") for n in range(12)]
    version, endpoint = version_of(world, tmp_path, rows), endpoint_of(world, server)
    page = start(world, version, endpoint, preview="1").content.decode()
    assert "What leaves this machine" in page
    assert "127.0.0.1" in page
    assert "8 × e-mail addresses. They are replaced" in page
    assert "[EMAIL]" in page
    bare = start(world, version, endpoint, preview="1", redact="").content.decode()
    assert "will be sent" in bare
    assert "preview-not-ready" in bare
    assert "anna" not in page + bare.replace("a***@", "")
    assert server.asked == []
    assert not DraftBatch.objects.exists()


def test_it_drafts_and_queues_the_rows_for_review(world: World, tmp_path: Path, server: OpenAI) -> None:
    batch = drafted(world, tmp_path, server)
    assert batch.run.status == Status.SUCCEEDED, batch.run.reason_text
    assert [row.state for row in batch.rows.all()] == [State.WAITING] * 4
    assert (batch.result["usable"], batch.result["tokens_out"]) == (4, 80)
    assert server.keys == [f"Bearer {KEY}"] * 2
    page = page_of(world, batch)
    assert page.count("What grows") == 4
    assert "E-mail addresses" in page
    assert "jane.doe" not in page
    assert "Draft 4" not in page_of(world, batch, "?show=rejected")
    assert page_of(world, batch, "?show=flagged").count("<article") == 1


def test_it_keeps_the_key_out_of_everything_it_writes(world: World, tmp_path: Path, server: OpenAI) -> None:
    server.script = lambda world, body: (
        failure(401, f"bad key {KEY}") if len(world.asked) > 1 else two_rows(world, body)
    )
    batch = drafted(world, tmp_path, server)
    assert batch.run.status == Status.FAILED
    assert batch.run.reason == "Endpoint"
    assert "refuses the key" in page_of(world, batch)
    assert KEY not in page_of(world, batch)
    home = Path(django_settings.WORKBENCH_HOME)
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(path.name == "spec.json" for path in files)
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    dump = _dump()
    assert "big-1" in dump
    assert KEY not in dump


def test_it_decides_one_by_one_and_in_a_selection(world: World, tmp_path: Path, server: OpenAI) -> None:
    batch = drafted(world, tmp_path, server)
    act(world, batch, "decide", decision="accept", row=["1", "2"])
    act(world, batch, "decide", decision="reject", row="3")
    states = {row.number: row.state for row in batch.rows.all()}
    assert states == {1: "accepted", 2: "accepted", 3: "rejected", 4: "waiting"}
    assert {row.decided_by for row in batch.rows.filter(number__lt=4)} == {world.member}
    act(world, batch, "decide", decision="undo", row="3")
    undone = batch.rows.get(number=3)
    assert (undone.state, undone.decided_by, undone.decided_at) == (State.WAITING, None, None)


def test_it_accepts_no_more_at_once_than_a_page_shows(world: World, tmp_path: Path, server: OpenAI) -> None:
    batch = drafted(world, tmp_path, server)
    assert act(world, batch, "decide", decision="accept", row=[str(n) for n in range(1, 50)]).status_code == 400
    assert act(world, batch, "decide", decision="all", row="1").status_code == 400
    assert not batch.rows.exclude(state=State.WAITING).exists()
    act(world, batch, "decide", decision="accept", row=["999", "x", "-1"])
    assert not batch.rows.exclude(state=State.WAITING).exists()


def test_it_gives_back_the_one_card_to_htmx(world: World, tmp_path: Path, server: OpenAI) -> None:
    batch = drafted(world, tmp_path, server)
    url = reverse("draft_decide", args=[world.project.pk, batch.pk])
    answer = world.client("member").post(url, {"decision": "accept", "row": "2"}, headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert text.count("<article") == 1
    assert "Accepted" in text
    assert "3 to review, 1 accepted" in text


def test_it_edits_a_draft_with_placeholders_for_personal_data(world: World, tmp_path: Path, server: OpenAI) -> None:
    batch = drafted(world, tmp_path, server)
    draft = next(row for row in batch.rows.all() if "jane.doe" in row.row["completion"])
    url = reverse("draft_edit", args=[world.project.pk, batch.pk, draft.number])
    page = world.client("member").get(url).content.decode()
    assert "[EMAIL]" in page
    assert "jane.doe" not in page
    assert world.client("member").post(url, {"text-1": "Only   heather grows."}).status_code == 302
    draft.refresh_from_db()
    assert draft.state == State.EDITED
    assert draft.edited == {**draft.row, "completion": "Only   heather grows."}
    assert draft.flags == []
    assert draft.decided_by == world.member
    assert world.client("member").post(url, {"text-1": "  "}).status_code == 400


def test_it_adds_what_was_accepted_as_a_new_version_marked_synthetic(
    world: World, tmp_path: Path, server: OpenAI
) -> None:
    batch = drafted(world, tmp_path, server)
    act(world, batch, "decide", decision="accept", row=["1", "2"])
    act(world, batch, "decide", decision="reject", row="3")
    answer = act(world, batch, "add", version=batch.version.pk)
    repair = batch.version.repairs.get()
    assert answer.url == repair.get_absolute_url()
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.run.status == Status.SUCCEEDED, repair.run.reason_text
    child = repair.child
    assert child is not None
    rows = [json.loads(line) for line in child.path.read_text().splitlines()]
    assert len(rows) == 32
    assert [row for row in rows if row.get("source") == "synthetic"] == [
        batch.rows.get(number=1).row,
        batch.rows.get(number=2).row,
    ]
    page = world.client("reader").get(child.get_absolute_url()).content.decode()
    assert "2 rows of this version are synthetic" in page
    assert "accepted by member" in page
    assert "Big (big-1 at 127.0.0.1)" in page
    act(world, batch, "decide", decision="undo", row="1")
    assert batch.rows.get(number=1).state == State.ACCEPTED, "what is in a version stays decided"
    act(world, batch, "add", version=batch.version.pk)
    assert batch.version.repairs.count() == 1, "nothing is added twice"
    act(world, batch, "decide", decision="accept", row="4")
    act(world, batch, "add", version=batch.version.pk)
    assert batch.version.repairs.count() == 2
    assert DraftRow.objects.get(batch=batch, number=4).repair != repair


def test_it_keeps_unusable_answers_out_of_the_queue(world: World, tmp_path: Path, server: OpenAI) -> None:
    def script(server: OpenAI, body: dict[str, Any]) -> Any:
        return "<script>alert(1)</script> I will not." if len(server.asked) == 1 else two_rows(server, body)

    server.script = script
    batch = drafted(world, tmp_path, server)
    unusable = batch.rows.get(state=State.UNUSABLE)
    act(world, batch, "decide", decision="accept", row=str(unusable.number))
    unusable.refresh_from_db()
    assert unusable.state == State.UNUSABLE
    page = page_of(world, batch, "?show=unusable")
    assert "There is no JSON object in the answer." in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


def test_it_goes_on_with_a_batch_that_failed(world: World, tmp_path: Path, server: OpenAI) -> None:
    server.script = lambda world, body: failure(401, "expired") if len(world.asked) > 1 else two_rows(world, body)
    batch = drafted(world, tmp_path, server, count="8")
    assert batch.rows.count() == 2
    server.script = two_rows
    world.client("member").post(reverse("run_retry", args=[world.project.pk, batch.run.pk]))
    run_to_end(batch.run)
    batch.run.refresh_from_db()
    assert batch.run.status == Status.SUCCEEDED
    assert sorted(batch.rows.values_list("number", flat=True)) == list(range(1, 9))


def test_it_drafts_with_a_model_of_this_machine(world: World, tmp_path: Path, tiny_model: Path) -> None:
    version = version_of(world, tmp_path, many(12))
    model = register(tiny_model, name="Tiny")
    url = reverse("draft_new", args=[world.project.pk, version.pk])
    form = {**FORM, "teacher_choice": f"model:{model.pk}", "mode": "answer", "count": "1", "sample": "1"}
    page = world.client("member").post(url, {**form, "preview": "1"}).content.decode()
    assert "Nothing leaves this machine" in page
    assert world.client("member").post(url, form).status_code == 302
    batch = DraftBatch.objects.get()
    assert batch.run.exclusive, "it needs the device to itself"
    run_to_end(batch.run)
    batch.refresh_from_db()
    batch.run.refresh_from_db()
    assert batch.run.status == Status.SUCCEEDED, batch.run.reason_text
    assert batch.rows.count() == 1
    assert batch.result["tokens_out"] > 0


def test_it_takes_seed_rows_by_tag_and_by_number(world: World, tmp_path: Path, server: OpenAI) -> None:
    version, endpoint = version_of(world, tmp_path), endpoint_of(world, server)
    audit = version.audit
    assert audit is not None
    ids = marks.ids_of(audit, [3, 5])
    marks.change(version.dataset, ids.values(), marks.Change(add=("hard",)), world.member)
    start(world, version, endpoint, seeds_from="tag:hard", mode="answer")
    start(world, version, endpoint, seeds_from="numbers", numbers="2, 7-8", mode="answer")
    seeds = [batch.asked["seeds"] for batch in DraftBatch.objects.order_by("pk")]
    assert seeds == [{"numbers": [3, 5]}, {"numbers": [2, 7, 8]}]


def test_it_asks_no_endpoint_of_another_project(world: World, tmp_path: Path, server: OpenAI) -> None:
    from projects_app.models import Project

    other = Project.objects.create(name="Other", purpose="x", created_by=world.stranger)
    foreign = Endpoint.objects.create(
        project=other, name="theirs", base_url=server.url, model="m", created_by=world.stranger
    )
    version = version_of(world, tmp_path)
    page = start(world, version, foreign)
    assert page.status_code == 400
    assert not DraftBatch.objects.exists()


def test_it_says_when_an_endpoint_was_deleted_before_the_run(world: World, tmp_path: Path, server: OpenAI) -> None:
    version, endpoint = version_of(world, tmp_path), endpoint_of(world, server)
    start(world, version, endpoint)
    batch = DraftBatch.objects.get()
    endpoint.delete()
    batch.refresh_from_db()
    run_to_end(batch.run)
    batch.run.refresh_from_db()
    assert "could not be read" in batch.run.reason_text
    assert batch.teacher_name == "Big"
    assert server.asked == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seeds_from", "numbers"),
        ("count", "0"),
        ("teacher_choice", "endpoint:9999"),
        ("mode", "steal"),
        ("sample", "x"),
    ],
)
def test_it_refuses_a_form_that_says_nothing(
    world: World, tmp_path: Path, server: OpenAI, field: str, value: str
) -> None:
    version, endpoint = version_of(world, tmp_path), endpoint_of(world, server)
    assert start(world, version, endpoint, **{field: value}).status_code == 400
    assert not DraftBatch.objects.exists()


def test_it_goes_back_to_pages_of_this_site_only(world: World, tmp_path: Path, server: OpenAI) -> None:
    batch = drafted(world, tmp_path, server)
    for back in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        answer = act(world, batch, "decide", decision="accept", row="1", back=back)
        assert answer.url == batch.get_absolute_url()


def _dump() -> str:
    """Everything in the database, as text."""
    if connection.vendor == "sqlite":
        assert isinstance(connection.connection, sqlite3.Connection)
        return "\n".join(connection.connection.iterdump())
    with connection.cursor() as cursor:
        parts = []
        for table in connection.introspection.table_names():
            cursor.execute(f'select * from "{table}"')
            parts.append(repr(cursor.fetchall()))
    return "\n".join(parts)
