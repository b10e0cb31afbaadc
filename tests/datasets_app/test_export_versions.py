"""A version goes out in the form of another tool; the page says beforehand what stays behind, and where."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion
from datasets_app.views import exports
from tests.datasets_app.cast import version_of
from tests.engine.data.rows import qa, write_jsonl
from tests.world import World, run_to_end


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    rows: list[dict[str, Any]] = [qa(f"Q{number} of ann@example.com", "<b>A</b>") for number in range(30)]
    return version_of(world, write_jsonl(tmp_path / "tickets.jsonl", [*rows, {"text": "T"}, {"prompt": "only"}]))


def get(world: World, version: DatasetVersion, form: str, role: str = "reader") -> str:
    url = reverse("version_export", args=[world.project.pk, version.pk])
    return world.client(role).get(url, {"form": form}).content.decode()


def lines(world: World, version: DatasetVersion, name: str, form: str) -> list[dict[str, Any]]:
    answer = world.client("reader").get(reverse(name, args=[world.project.pk, version.pk, form]))
    assert answer.status_code == 200
    with pytest.warns(Warning, match="asynchronous iterators"):  # it streams under ASGI; this client is synchronous
        return [json.loads(line) for line in b"".join(answer).splitlines()]


def test_its_page_leads_to_each_form(world: World, version: DatasetVersion) -> None:
    assert version.audit is not None
    run_to_end(version.audit.run)
    html = world.client("reader").get(version.get_absolute_url()).content.decode()
    for form in ("openai", "sharegpt", "alpaca", "trl", "csv"):
        assert f"export/?form={form}" in html


def test_it_says_what_stays_behind_and_shows_the_first_row(world: World, version: DatasetVersion) -> None:
    html = get(world, version, "openai")
    assert "<strong>30</strong> rows can be written as OpenAI rows" in html
    assert "Raw text, which has no turns" in html
    assert ">31<" in html and ">32<" in html
    assert "&lt;b&gt;A&lt;/b&gt;" in html and "<b>A</b>" not in html
    assert "ann@example.com" not in html
    assert "<strong>31</strong> rows can be written as TRL rows" in get(world, version, "trl")


def test_the_file_and_the_list_of_what_stayed_add_up(world: World, version: DatasetVersion) -> None:
    rows = lines(world, version, "version_export_download", "sharegpt")
    left = lines(world, version, "version_export_left_out", "sharegpt")
    assert len(rows) == 30
    assert rows[0]["conversations"][0] == {"from": "human", "value": "Q0 of a***@e***.com"}
    assert [(row["line"], row["reason"]) for row in left] == [
        (31, "raw text, which has no turns"),
        (32, "unusable rows"),
    ]


def test_a_large_file_is_streamed_in_blocks_and_looked_at_in_part(
    world: World, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "LOOKED_AT", 10)
    monkeypatch.setattr(exports, "BLOCK", 100)
    assert "of the first 10 rows" in get(world, version, "openai")
    assert len(lines(world, version, "version_export_download", "openai")) == 30


def test_it_knows_no_other_form_and_no_stranger(world: World, version: DatasetVersion) -> None:
    url = reverse("version_export", args=[world.project.pk, version.pk])
    assert world.client("reader").get(url, {"form": "../etc"}).status_code == 404
    for name in ("version_export_download", "version_export_left_out"):
        assert world.client("reader").get(reverse(name, args=[world.project.pk, version.pk, "xml"])).status_code == 404
        assert (
            world.client("stranger").get(reverse(name, args=[world.project.pk, version.pk, "trl"])).status_code == 404
        )


def test_a_refused_file_says_so_here_too(world: World, tmp_path: Path) -> None:
    path = tmp_path / "prose.jsonl"
    path.write_text("Once upon a time.\nThe end.\n")
    assert "cannot be read as rows" in get(world, version_of(world, path), "openai")


def test_a_member_may_take_the_values_as_they_are(world: World, version: DatasetVersion) -> None:
    url = reverse("version_export_download", args=[world.project.pk, version.pk, "openai"]) + "?values=plain"
    assert world.client("reader").get(url).status_code == 403
    answer = world.client("member").get(url)
    with pytest.warns(Warning, match="asynchronous iterators"):
        assert b"ann@example.com" in b"".join(answer)
    page = reverse("version_export", args=[world.project.pk, version.pk])
    assert b"as they stand in the file" in world.client("member").get(page, {"values": "plain"}).content
    assert world.client("reader").get(page, {"values": "plain"}).status_code == 403


def test_no_cell_of_the_csv_is_a_formula(world: World) -> None:
    attacks = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "fine"]
    version = world.version([{"prompt": text, "completion": f'"{text}", he said'} for text in attacks])
    answer = world.client("reader").get(reverse("version_export_csv", args=[world.project.pk, version.pk]))
    with pytest.warns(Warning, match="asynchronous iterators"):
        cells = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert answer["Content-Type"].startswith("text/csv") and ".csv" in answer["Content-Disposition"]
    assert [row["prompt"] for row in cells] == [f"'{text}" for text in attacks[:-1]] + ["fine"]
    assert cells[0]["answer"] == '"=1+1", he said'
