"""A split is seeded, made once, and keeps rows that belong together on one side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion, Split
from runs_app.models import Status
from tests.datasets_app.cast import audited
from tests.world import World, run_to_end, ticket_rows, write_jsonl

SHARES = {"train": 80, "validation": 10, "test": 10, "seed": 42}


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    rows = ticket_rows(200)
    return audited(world, write_jsonl(tmp_path / "rows.jsonl", [*rows, *rows[:40]]))


def press(world: World, version: DatasetVersion, role: str = "member", **changes: Any) -> Any:
    url = reverse("version_split", args=[world.project.pk, version.pk])
    return world.client(role).post(url, {**SHARES, **changes})


def lines(split: Split, part: str) -> list[str]:
    return split.file(part).read_text().splitlines()


def test_it_parts_the_rows_and_keeps_copies_on_one_side(world: World, version: DatasetVersion) -> None:
    answer = press(world, version)
    split = Split.objects.get()
    assert answer["Location"] == split.get_absolute_url()
    run_to_end(split.run)
    split.refresh_from_db()
    parts = {part: lines(split, part) for part in ("train", "validation", "test")}
    assert {part: split.rows(part) for part in parts} == {part: len(rows) for part, rows in parts.items()}
    assert sum(map(len, parts.values())) == 240
    assert not set(parts["train"]) & set(parts["test"])
    assert not set(parts["train"]) & set(parts["validation"])
    assert not set(parts["validation"]) & set(parts["test"])


def test_its_page_shows_the_counts_and_the_way_on(world: World, version: DatasetVersion) -> None:
    press(world, version)
    split = Split.objects.get()
    client = world.client("member")
    poll = {"HX-Request": "true", "HX-Target": "run-progress"}
    assert b'hx-trigger="every 1s"' in client.get(split.get_absolute_url(), headers=poll).content
    run_to_end(split.run)
    assert client.get(split.get_absolute_url(), headers=poll)["HX-Refresh"] == "true"
    html = client.get(split.get_absolute_url()).content.decode()
    split.refresh_from_db()
    assert split.result["groups_kept_together"] > 1
    assert f"{split.result['groups_kept_together']} groups of rows" in html
    assert f"?split={split.pk}" in html
    assert f"?split={split.pk}" not in world.client("reader").get(split.get_absolute_url()).content.decode()


def test_it_goes_on_to_training_by_itself_when_asked(world: World, version: DatasetVersion) -> None:
    client = world.client("member")
    shares = {"train": 80, "validation": 10, "test": 10, "seed": 42, "then": "train"}
    page = client.post(reverse("version_split", args=[world.project.pk, version.pk]), shares)["Location"]
    split = Split.objects.get()
    assert page == f"{split.get_absolute_url()}?then=train"
    assert client.get(page).status_code == 200, "it shows the progress first"
    run_to_end(split.run)
    assert client.get(page)["Location"].endswith(f"/train/new/?split={split.pk}")
    assert world.client("reader").get(page).status_code == 200, "a reader stays with the counts"


def test_the_same_split_is_made_once(world: World, version: DatasetVersion) -> None:
    first = press(world, version)["Location"]
    assert press(world, version, role="owner")["Location"] == first
    assert press(world, version, seed=7)["Location"] != first
    assert Split.objects.count() == 2


def test_another_seed_gives_other_rows_and_the_same_seed_the_same(world: World, version: DatasetVersion) -> None:
    for seed in (1, 2):
        press(world, version, seed=seed)
    first, second = Split.objects.order_by("id")
    for split in (first, second):
        run_to_end(split.run)
    assert lines(first, "test") != lines(second, "test")
    kept = lines(first, "test")
    Split.objects.filter(pk=first.pk).delete()
    press(world, version, seed=1)
    again = Split.objects.get(seed=1)
    run_to_end(again.run)
    assert lines(again, "test") == kept


@pytest.mark.parametrize(
    "changes", [{"train": 70}, {"train": "x"}, {"train": 0}, {"test": -1, "train": 91}, {"seed": ""}, {"seed": 2**40}]
)
def test_it_keeps_what_was_typed_and_says_what_is_wrong(
    world: World, version: DatasetVersion, changes: dict[str, Any]
) -> None:
    answer = press(world, version, **changes)
    assert answer.status_code == 400
    assert b"field-error" in answer.content or b"add up to" in answer.content
    assert not Split.objects.exists()


def test_it_says_when_there_are_too_few_rows(world: World, tmp_path: Path) -> None:
    small = audited(world, write_jsonl(tmp_path / "small.jsonl", ticket_rows(20)))
    press(world, small)
    split = Split.objects.get()
    assert run_to_end(split.run).status == Status.FAILED
    html = world.client("member").get(split.get_absolute_url()).content.decode()
    assert "too few" in html
    assert "Choose other shares or another way" in html


def test_it_needs_a_member(world: World, version: DatasetVersion) -> None:
    assert press(world, version, role="reader").status_code == 403
    assert press(world, version, role="stranger").status_code == 404
    press(world, version)
    split = Split.objects.get()
    assert world.client("stranger").get(split.get_absolute_url()).status_code == 404
    assert world.client("reader").get(split.get_absolute_url()).status_code == 200


def test_its_parts_can_be_taken_along_and_nothing_else(world: World, version: DatasetVersion) -> None:
    press(world, version)
    split = Split.objects.get()
    run_to_end(split.run)
    url = reverse("split_download", args=[world.project.pk, split.pk, "test"])
    answer = world.client("member").get(url)
    assert answer["Content-Length"] == str(split.file("test").stat().st_size)
    for part in ("result", "..", "%2e%2e%2fspec"):
        assert world.client("member").get(url.replace("test.jsonl", f"{part}.jsonl")).status_code == 404
    assert world.client("stranger").get(url).status_code == 404
