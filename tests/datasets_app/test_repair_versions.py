"""A repair makes the next version of a dataset, names its parent and starts its audit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion, Repair
from runs_app.models import Status
from tests.datasets_app.cast import audited, page, version_of
from tests.world import World, run_to_end, ticket_rows, write_jsonl


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """30 sound rows, three copies of two of them, one row without an answer."""
    rows = ticket_rows(30)
    empty = {"messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": ""}]}
    return write_jsonl(tmp_path / "faulty.jsonl", [*rows, rows[2], rows[2], rows[7], empty])


def press(world: World, version: DatasetVersion, role: str = "member", **data: str) -> str:
    answer = world.client(role).post(reverse("version_repair", args=[world.project.pk, version.pk]), data)
    assert answer.status_code == 302, answer.status_code
    return answer["Location"]


def test_it_makes_a_version_without_copies_and_unusable_rows(world: World, faulty: Path) -> None:
    parent = audited(world, faulty)
    url = press(world, parent)
    repair = Repair.objects.get()
    assert url == repair.get_absolute_url()
    assert b"run-progress" in world.client("reader").get(url).content
    run_to_end(repair.run)
    repair.refresh_from_db()
    child = repair.child
    assert child is not None
    assert (child.number, child.parent, child.dataset) == (2, parent, parent.dataset)
    assert child.operation["rows_in"] == 34
    assert child.operation["rows_out"] == 30
    assert [json.loads(line) for line in child.path.read_text().splitlines()] == ticket_rows(30)
    assert parent.path.read_bytes() == faulty.read_bytes()
    assert world.client("reader").get(url)["Location"] == child.get_absolute_url()


def test_its_child_is_audited_and_has_nothing_left_to_remove(world: World, faulty: Path) -> None:
    parent = audited(world, faulty)
    press(world, parent)
    repair = Repair.objects.get()
    run_to_end(repair.run)
    repair.refresh_from_db()
    child = repair.child
    assert child is not None
    assert child.audit is not None
    run_to_end(child.audit.run)
    assert child.audit.document is not None
    html = page(world, child)
    assert "Remove exact duplicates" not in html
    assert "Split and go on to training" in html
    assert "4 rows removed from v1" in html
    assert "Go on with v2" in page(world, parent)
    lineage = world.client("reader").get(reverse("data", args=[world.project.pk])).content.decode()
    assert (
        lineage.index("faulty v1</a>") < lineage.index("made from the version above") < lineage.index("faulty v2</a>")
    )


def test_it_is_done_once_however_often_the_button_is_pressed(world: World, faulty: Path) -> None:
    parent = audited(world, faulty)
    assert press(world, parent) == press(world, parent, role="owner")
    run_to_end(Repair.objects.get().run)
    press(world, parent)
    assert Repair.objects.count() == 1
    assert parent.children.count() == 1


def test_it_can_take_out_the_rows_of_one_finding(world: World, faulty: Path) -> None:
    parent = audited(world, faulty)
    press(world, parent, finding="empty_answer")
    repair = Repair.objects.get()
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None
    assert repair.child.operation["dropped"] == {"empty_answer": 1}


def test_it_says_when_there_is_nothing_to_remove(world: World, tmp_path: Path) -> None:
    version = audited(world, write_jsonl(tmp_path / "sound.jsonl", ticket_rows(20)))
    url = reverse("version_repair", args=[world.project.pk, version.pk])
    for data in ({}, {"finding": "too_few_rows"}, {"finding": "no_such_code"}):
        answer = world.client("member").post(url, data)
        assert answer.status_code == 400
        assert b'role="alert"' in answer.content
    assert not Repair.objects.exists()


def test_it_waits_for_the_audit(world: World, faulty: Path) -> None:
    version = version_of(world, faulty)
    answer = world.client("member").post(reverse("version_repair", args=[world.project.pk, version.pk]))
    assert answer.status_code == 400
    assert b"no finished audit yet" in answer.content


def test_it_refuses_a_file_that_changed_since_its_audit(world: World, faulty: Path) -> None:
    version = audited(world, faulty)
    press(world, version)
    with version.path.open("a") as file:
        file.write("{}\n")
    repair = Repair.objects.get()
    assert run_to_end(repair.run).status == Status.FAILED
    html = world.client("member").get(repair.get_absolute_url()).content.decode()
    assert "has changed since" in html
    assert "Try again" in html


def test_it_needs_a_member(world: World, faulty: Path) -> None:
    version = audited(world, faulty)
    url = reverse("version_repair", args=[world.project.pk, version.pk])
    assert world.client("reader").post(url).status_code == 403
    assert world.client("stranger").post(url).status_code == 404
    assert world.client("reader").get(url).status_code == 403
    assert "Remove exact duplicates" not in page(world, version, role="reader")
