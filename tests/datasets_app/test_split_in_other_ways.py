"""A version is split by time, by group, by a column or with a test file of its own, and its page says what was done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion, Split
from tests.datasets_app.cast import audited
from tests.engine.data.rows import many
from tests.world import World, run_to_end, write_jsonl

SHARES = {"train": 80, "validation": 10, "test": 10, "seed": 42}
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    rows = [
        row | {"at": f"2024-01-{n // 10 + 1:02d}", "user": f"u{n % 23}", HOSTILE: n % 2}
        for n, row in enumerate(many(200))
    ]
    return audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))


def url(world: World, version: DatasetVersion) -> str:
    return reverse("version_split", args=[world.project.pk, version.pk])


def press(world: World, version: DatasetVersion, **changes: Any) -> Any:
    return world.client("member").post(url(world, version), {**SHARES, **changes})


def made(world: World) -> tuple[Split, str]:
    split = Split.objects.latest("id")
    run_to_end(split.run)
    split.refresh_from_db()
    assert split.result is not None, split.run.reason_text
    return split, world.client("reader").get(split.get_absolute_url()).content.decode()


def test_the_form_offers_what_each_way_asks_for(world: World, version: DatasetVersion) -> None:
    client = world.client("member")
    for way, there, absent in (
        ("stratified", 'name="column"', 'name="test_file"'),
        ("random", 'name="seed"', 'name="column"'),
        ("time", '<option value="at"', '<option value="user"'),
        ("group", '<option value="user"', 'name="test_file"'),
        ("file", "no other data in this project", 'name="seed"'),
    ):
        html = client.get(url(world, version), {"strategy": way}).content.decode()
        assert there in html and absent not in html, way
        assert "<script>alert" not in html
    assert client.get(url(world, version), {"strategy": "novel"}).status_code == 404
    assert world.client("reader").get(url(world, version)).status_code == 403
    assert world.client("stranger").get(url(world, version)).status_code == 404


def test_by_time_the_page_shows_from_when_to_when(world: World, version: DatasetVersion) -> None:
    press(world, version, strategy="time", column="at")
    split, html = made(world)
    assert split.options == {"strategy": "time", "column": "at"}
    ranges = split.result["time"]["ranges"]
    assert ranges["train"][1] < ranges["validation"][0] and ranges["validation"][1] < ranges["test"][0]
    assert ranges["test"][1] in html and "by time “at”" in html


def test_by_group_the_page_says_how_many_values(world: World, version: DatasetVersion) -> None:
    press(world, version, strategy="group", column="user")
    _, html = made(world)
    assert "No row is alike to a row on another side at 50\u00a0% or above" in html
    assert "each of its 23 values is on one side" in html


def test_by_a_column_with_a_hostile_name_its_shares_are_shown(world: World, version: DatasetVersion) -> None:
    press(world, version, column=HOSTILE)
    split, html = made(world)
    assert split.options == {"column": HOSTILE}
    assert split.result["shares"]["values"][0]["test"] == 10
    assert "kept in the same shares" in html and "<script>alert" not in html


def test_a_test_file_of_its_own_is_checked_for_leakage(world: World, version: DatasetVersion, tmp_path: Path) -> None:
    rows = [*many(230)[200:], many(1)[0]]
    test = audited(world, write_jsonl(tmp_path / "test.jsonl", rows))
    press(world, version, strategy="file", test_file=test.pk, drop_leaked="on")
    split, html = made(world)
    assert split.options == {"strategy": "file", "test": test.pk}
    assert split.rows("test") == 31 and split.rows("train") + split.rows("validation") == 199
    assert split.result["file"]["leaked"] == {"identical": 1}
    assert "1 row of" in html and "The same row" in html and "in other words cannot be seen" in html
    leaked = reverse("split_download", args=[world.project.pk, split.pk, "leaked"])
    assert world.client("reader").get(leaked).status_code == 403
    answer = world.client("member").get(leaked)
    assert answer["Content-Length"] == str(split.leaks.stat().st_size) and "identical" in split.leaks.read_text()
    press(world, version, strategy="file", test_file=test.pk)
    split, html = made(world)
    assert split.options["drop_leaked"] is False and "kept, as asked" in html


def test_a_test_file_of_another_project_is_not_taken(world: World, version: DatasetVersion, tmp_path: Path) -> None:
    other = audited(world, write_jsonl(tmp_path / "test.jsonl", many(30)))
    other.dataset.project = type(world.project).objects.create(name="Other", purpose="x", created_by=world.stranger)
    other.dataset.save()
    assert press(world, version, strategy="file", test_file=other.pk).status_code == 400
    assert not Split.objects.exists()


@pytest.mark.parametrize(
    "changes", [{"strategy": "time"}, {"strategy": "time", "column": "user"}, {"column": "absent"}]
)
def test_a_column_that_is_not_offered_is_not_taken(
    world: World, version: DatasetVersion, changes: dict[str, Any]
) -> None:
    answer = press(world, version, **changes)
    assert answer.status_code == 400 and b"field-error" in answer.content
    assert not Split.objects.exists()


def test_the_same_shares_in_another_way_are_another_split(world: World, version: DatasetVersion) -> None:
    first = press(world, version, strategy="group", column="user")["Location"]
    assert press(world, version, strategy="group", column="user")["Location"] == first
    assert press(world, version, strategy="random")["Location"] != first
    assert press(world, version)["Location"] != first


def test_a_split_made_before_there_were_ways_is_shown_as_it_was(world: World) -> None:
    split = world.split()
    assert split.options == {}
    html = world.client("reader").get(split.get_absolute_url()).content.decode()
    assert "Used for" in html and "60 / 20 / 20, seed 42" in html


def test_classes_are_counted_only_in_parts_of_the_version_itself(world: World, tmp_path: Path) -> None:
    def labelled(count: int, start: int = 0) -> list[dict[str, Any]]:
        return [{"text": row["prompt"], "label": "ab"[n % 2]} for n, row in enumerate(many(count, start))]

    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", labelled(200)))
    test = audited(world, write_jsonl(tmp_path / "test.jsonl", labelled(20, 500)))
    press(world, version, strategy="file", test_file=test.pk, drop_leaked="on")
    _, html = made(world)
    classes = html[html.index("shares-title") :]
    assert "Validation" in classes and "Test</th>" not in classes
    assert "What stands on two sides" in html and html.count("Validation</td>") == 1
