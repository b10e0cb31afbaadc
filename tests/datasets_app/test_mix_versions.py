"""Task rows are mixed with general rows: counted beforehand, each row with its source, both parents in sight."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion, Repair, Split
from tests.datasets_app.cast import audited, page
from tests.engine.data.rows import chat, many
from tests.world import World, run_to_end, write_jsonl


@pytest.fixture
def task(world: World, tmp_path: Path) -> DatasetVersion:
    return audited(world, write_jsonl(tmp_path / "task.jsonl", many(140)))


@pytest.fixture
def general(world: World, tmp_path: Path) -> DatasetVersion:
    rows = [chat(("user", row["prompt"]), ("assistant", row["completion"])) for row in many(200, 1000)]
    return audited(world, write_jsonl(tmp_path / "general.jsonl", rows))


def url(world: World, version: DatasetVersion) -> str:
    return reverse("version_mix", args=[world.project.pk, version.pk])


def get(world: World, version: DatasetVersion, **chosen: Any) -> str:
    answer = world.client("member").get(url(world, version), chosen)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def made(world: World) -> DatasetVersion:
    repair = Repair.objects.latest("id")
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None and repair.child.audit is not None, repair.run.reason_text
    run_to_end(repair.child.audit.run)
    return repair.child


def test_it_says_how_to_come_by_general_rows_when_there_are_none(world: World, task: DatasetVersion) -> None:
    html = get(world, task)
    assert "None come with the program" in html and reverse("data", args=[world.project.pk]) in html
    assert url(world, task) in page(world, task)


def test_it_counts_before_it_mixes(world: World, task: DatasetVersion, general: DatasetVersion) -> None:
    html = get(world, task, other=general.pk, ratio=70, seed=42)
    assert "140 task + 60 general rows" in html and "the other set has 200, 30 % are used" in html.replace("\xa0", " ")
    assert "The shapes differ" in html and "too small" not in html
    html = get(world, task, other=general.pk, ratio=20, seed=42).replace("\xa0", " ")
    assert "too small" in html and "asks for 560 rows and it has 200" in html and "41 % of the mix" in html
    headers = {"HX-Request": "true", "HX-Target": "choice"}
    chosen = {"other": general.pk, "ratio": 70, "seed": 1}
    part = world.client("member").get(url(world, task), chosen, headers=headers).content.decode()
    assert part.strip().startswith('<div id="choice"') and "<html" not in part


def test_every_row_says_its_source_and_the_page_shows_both_parents(
    world: World, task: DatasetVersion, general: DatasetVersion
) -> None:
    answer = world.client("member").post(url(world, task), {"other": general.pk, "ratio": 70, "seed": 42})
    assert answer["Location"] == Repair.objects.get().get_absolute_url()
    mix = made(world)
    rows = [json.loads(line) for line in mix.path.read_text().splitlines()]
    assert Counter(row["source"] for row in rows) == {"task v1": 140, "general v1": 60}
    html = page(world, mix)
    assert "Sources" in html and task.get_absolute_url() in html and general.get_absolute_url() in html
    assert "60 rows added to v1: general v1 60" in html
    assert "Sources" not in page(world, task)


def test_a_mix_without_labels_is_split_with_the_same_sources_in_each_part(
    world: World, task: DatasetVersion, general: DatasetVersion
) -> None:
    world.client("member").post(url(world, task), {"other": general.pk, "ratio": 70, "seed": 42})
    mix = made(world)
    press = reverse("version_split", args=[world.project.pk, mix.pk])
    assert '<option value="source" selected>' in world.client("member").get(press).content.decode()
    world.client("member").post(press, {"train": 80, "validation": 10, "test": 10, "seed": 42})
    split = Split.objects.get()
    run_to_end(split.run)
    split.refresh_from_db()
    assert split.options == {"column": "source"} and split.result is not None
    assert split.result["shares"]["values"][0] == {"value": "task v1", "train": 112, "validation": 14, "test": 14}


def test_rows_of_another_project_cannot_be_mixed_in(
    world: World, task: DatasetVersion, general: DatasetVersion
) -> None:
    general.dataset.project = type(world.project).objects.create(name="Other", purpose="x", created_by=world.stranger)
    general.dataset.save()
    answer = world.client("member").post(url(world, task), {"other": general.pk, "ratio": 70, "seed": 42})
    assert answer.status_code == 400 and not Repair.objects.exists()


@pytest.mark.parametrize("changes", [{"other": ""}, {"ratio": 0}, {"ratio": 100}, {"ratio": "x"}, {"seed": -1}])
def test_it_says_what_is_wrong_with_what_was_typed(
    world: World, task: DatasetVersion, general: DatasetVersion, changes: dict[str, Any]
) -> None:
    data = {"other": general.pk, "ratio": 70, "seed": 42} | changes
    answer = world.client("member").post(url(world, task), data)
    assert answer.status_code == 400 and b"field-error" in answer.content
    assert not Repair.objects.exists()


def test_it_says_beforehand_that_rows_do_not_fit_and_what_to_do(
    world: World, general: DatasetVersion, tmp_path: Path
) -> None:
    rows = [{"text": row["prompt"], "label": "ab"[n % 2]} for n, row in enumerate(many(60))]
    labelled = audited(world, write_jsonl(tmp_path / "labelled.jsonl", rows))
    html = get(world, labelled, other=general.pk, ratio=70, seed=42)
    assert "do not fit beside labelled v1" in html and "None of the first 200" in html
    mapping = reverse("version_mapping", args=[world.project.pk, labelled.pk])
    there = world.client("member").get(f"{mapping}?format=prompt_completion&shown=-").content.decode()
    assert '<option value="text" selected>' in there and '<option value="label" selected>' in there
    assert "<strong>60</strong> can be read" in there
