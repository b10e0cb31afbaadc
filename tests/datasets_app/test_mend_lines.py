"""A line that is no JSON is mended in the browser; every such line is listed with its place and kind."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion, Repair
from datasets_app.review_models import ValuesShown, Waiting
from tests.datasets_app.cast import audited
from tests.world import World, run_to_end, ticket_rows, write_jsonl

BROKEN = '{"prompt": "When?", "completion": "At nine."'
PERSONAL = '{"prompt": "Who?", "completion": "jane.doe@example.com"'
ROW = {"prompt": "When?", "completion": "At nine."}


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    """20 sound rows, the same broken line twice, one with an address in it, and a row without an answer."""
    file = write_jsonl(tmp_path / "rows.jsonl", ticket_rows(20))
    with file.open("a") as lines:
        lines.write("\n".join([BROKEN, BROKEN, PERSONAL, '{"prompt": "Why?", "completion": ""}']) + "\n")
    return audited(world, file)


def edit(version: DatasetVersion, number: int) -> str:
    return reverse("row_edit", args=[version.dataset.project_id, version.pk, number])


def applied(world: World, version: DatasetVersion) -> list[str]:
    basket = reverse("version_basket", args=[version.dataset.project_id, version.pk])
    assert world.client("member").post(basket, {"apply": "1"}).status_code == 302
    repair = Repair.objects.latest("id")
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None, repair.run.reason_text
    return repair.child.path.read_text().splitlines()


def test_a_broken_line_becomes_the_row_that_was_typed(world: World, version: DatasetVersion) -> None:
    member = world.client("member")
    html = member.get(edit(version, 21)).content.decode()
    assert "Mend line 21" in html and "Byte" in html and "&quot;At nine.&quot;" in html
    assert member.post(edit(version, 21), {"json": BROKEN + "}", "save": "1"}).status_code == 302
    basket = member.get(reverse("version_basket", args=[world.project.pk, version.pk])).content.decode()
    assert "Row 21, edited" in basket and "At nine." in basket
    before, after = version.path.read_text().splitlines(), applied(world, version)
    assert json.loads(after[20]) == ROW
    assert after[:20] == before[:20] and after[21:] == before[21:], "the same line elsewhere is as it was"
    assert not Waiting.objects.exists()


def test_what_is_typed_is_judged_and_kept(world: World, version: DatasetVersion) -> None:
    member = world.client("member")
    for typed, said in ((BROKEN, "cannot be used"), ('{"prompt": "When?", "completion": ""}', "cannot be used")):
        answer = member.post(edit(version, 21), {"json": typed, "save": "1"})
        assert answer.status_code == 422 and said in answer.content.decode()
        assert typed.replace('"', "&quot;") in answer.content.decode()
    assert not Waiting.objects.exists()


def test_values_in_a_broken_line_are_masked_until_they_are_shown(world: World, version: DatasetVersion) -> None:
    member = world.client("member")
    assert "jane.doe" not in member.get(edit(version, 23)).content.decode()
    assert "jane.doe" in member.post(edit(version, 23), {"show": "1"}).content.decode()
    assert ValuesShown.objects.get().number == 23
    member.post(edit(version, 23), {"json": PERSONAL + "}", "save": "1"})
    basket = member.get(reverse("version_basket", args=[world.project.pk, version.pk])).content.decode()
    assert "Row 23, edited" in basket and "jane.doe" not in basket


def test_every_unusable_line_is_listed_with_its_offset_and_kind(world: World, version: DatasetVersion) -> None:
    reader = world.client("reader")
    raw = version.path.read_bytes()
    places = [raw.index(BROKEN.encode()), 0, raw.index(PERSONAL.encode()), raw.index(b'{"prompt": "Why?"')]
    places[1] = raw.index(BROKEN.encode(), places[0] + 1)

    def listed(form: str) -> str:
        url = reverse("version_unusable", args=[world.project.pk, version.pk, form])
        answer = reader.get(url)
        return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]

    table = list(csv.DictReader(io.StringIO(listed("csv"))))
    assert [int(line["offset"]) for line in table] == places
    assert [line["code"] for line in table] == ["malformed_json"] * 3 + ["empty_answer"]
    assert all(line["kind"] and line["found"] and line["remedy"] for line in table)
    as_json: list[Any] = [json.loads(line) for line in listed("jsonl").splitlines()]
    assert [str(line["offset"]) for line in as_json] == [line["offset"] for line in table]
    report = json.loads(reader.get(reverse("version_document", args=[world.project.pk, version.pk])).content)
    assert report["unusable"] == as_json and "jane.doe" not in listed("csv")
    rows = reverse("version_rows", args=[world.project.pk, version.pk])
    html = reader.get(rows, {"show": "unusable"}).content.decode()
    assert html.count("Byte ") == 4 and f"kind: {table[0]['kind'].replace('_', ' ')}" in html
    assert reader.get(reverse("version_unusable", args=[world.project.pk, version.pk, "xml"])).status_code == 404


def test_a_sound_row_is_no_line_to_mend(world: World, version: DatasetVersion) -> None:
    assert world.client("member").get(edit(version, 99)).status_code == 404
    assert world.client("reader").get(edit(version, 21)).status_code == 403
