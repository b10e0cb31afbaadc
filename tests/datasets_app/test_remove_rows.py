"""Rows that go by one button are shown first, and go when it is pressed: of a finding, ticked, or tagged."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion, Repair
from tests.datasets_app.cast import audited, page
from tests.world import World, run_to_end, ticket_rows, write_jsonl


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    """30 sound rows, one of them twice, and a line that is no JSON."""
    file = write_jsonl(tmp_path / "rows.jsonl", [*ticket_rows(30), ticket_rows(3)[2]])
    with file.open("a") as lines:
        lines.write("{broken\n")
    return audited(world, file)


def url(version: DatasetVersion) -> str:
    return reverse("version_repair", args=[version.dataset.project_id, version.pk])


def applied(world: World, version: DatasetVersion, html: str) -> list[Any]:
    """Presses the button of the preview, and reads the rows of the version it makes."""
    form = html[html.index('id="repair-form"') :].split("</form>")[0]
    sent: dict[str, list[str]] = {"apply": ["1"]}
    for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form):
        sent.setdefault(name, []).append(value)
    assert world.client("member").post(url(version), sent).status_code == 302
    repair = Repair.objects.latest("id")
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None
    return [json.loads(line) for line in repair.child.path.read_text().splitlines() if line != "{broken"]


def test_the_button_of_the_audit_page_shows_what_would_go(world: World, version: DatasetVersion) -> None:
    html = page(world, version)
    button = html[: html.index("Remove exact duplicates and unusable rows")].rsplit("<form", 1)[1]
    assert 'method="get"' in button and 'name="remove"' in button
    shown = world.client("member").get(url(version), {"remove": "1"}).content.decode()
    assert "What it would do" in shown and shown.count(" goes</h3>") == 2
    assert not Repair.objects.exists()
    assert applied(world, version, shown) == ticket_rows(30)


def test_the_rows_of_a_finding_are_shown_before_they_go(world: World, version: DatasetVersion) -> None:
    rows = reverse("version_rows", args=[world.project.pk, version.pk])
    html = world.client("member").get(rows, {"finding": "malformed_json"}).content.decode()
    assert "Remove this 1 row: preview" in html
    shown = world.client("member").get(url(version), {"remove": "1", "finding": "malformed_json"}).content.decode()
    assert "Remove: malformed lines" in shown and "{broken" in shown
    assert len(applied(world, version, shown)) == 31


def test_ticked_rows_go_whatever_they_are(world: World, version: DatasetVersion) -> None:
    rows = reverse("version_rows", args=[world.project.pk, version.pk])
    html = world.client("member").get(rows, {"show": "unusable"}).content.decode()
    assert 'name="number" value="32"' in html, "a line that is no JSON can be ticked, too"
    shown = world.client("member").post(url(version), {"look": "rows", "number": ["2", "32"]}).content.decode()
    assert "Drop the selected rows" in shown and shown.count(" goes</h3>") == 2
    left = applied(world, version, shown)
    assert len(left) == 30 and ticket_rows(30)[1] not in left


def test_nothing_ticked_takes_nothing(world: World, version: DatasetVersion) -> None:
    answer = world.client("member").post(url(version), {"look": "rows", "next": "/"}, follow=True)
    assert b"No row is ticked" in answer.content
    assert world.client("member").post(url(version), {"remove": "1", "tag": "none has it"}).status_code == 400
    assert not Repair.objects.exists()


def test_all_rows_with_a_tag_go(world: World, version: DatasetVersion) -> None:
    marks = reverse("version_marks", args=[world.project.pk, version.pk])
    world.client("member").post(marks, {"number": ["3", "5"], "add": "odd"})
    rows = reverse("version_rows", args=[world.project.pk, version.pk])
    assert "Drop all rows tagged “odd”" in world.client("member").get(rows, {"tag": "odd"}).content.decode()
    shown = world.client("member").get(url(version), {"remove": "1", "tag": "odd"}).content.decode()
    # A mark belongs to what a row says: the copy of the third has it, too.
    assert shown.count(" goes</h3>") == 3
    assert len(applied(world, version, shown)) == 28


def test_a_reader_is_shown_none_of_it(world: World, version: DatasetVersion) -> None:
    rows = reverse("version_rows", args=[world.project.pk, version.pk])
    assert "Drop rows" not in world.client("reader").get(rows).content.decode()
    assert world.client("reader").get(url(version), {"remove": "1"}).status_code == 403
    assert world.client("reader").post(url(version), {"look": "rows", "number": "1"}).status_code == 403
