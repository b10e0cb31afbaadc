"""Tags, reviews and notes stay with a row, also in the versions made from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app import launching, marks
from datasets_app.models import DatasetVersion
from datasets_app.review_models import RowMark
from tests.datasets_app.cast import audited
from tests.world import World, run_to_end, ticket_rows, write_jsonl


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    """30 rows, one of them twice, and a line that is no JSON."""
    file = write_jsonl(tmp_path / "rows.jsonl", [*ticket_rows(30), ticket_rows(3)[2]])
    with file.open("a") as lines:
        lines.write("{broken\n")
    return audited(world, file)


def mark(world: World, version: DatasetVersion, number: int, role: str = "member", **data: str) -> Any:
    url = reverse("row_mark", args=[world.project.pk, version.pk, number])
    return world.client(role).post(url, data)


def rows(world: World, version: DatasetVersion, query: str = "") -> str:
    url = reverse("version_rows", args=[world.project.pk, version.pk])
    return str(world.client("reader").get(f"{url}?{query}").content.decode())


def test_it_shows_what_was_noted_and_by_whom(world: World, version: DatasetVersion) -> None:
    mark(world, version, 4, add="Refund, needs a  look", note="ask Ada")
    answer = mark(world, version, 4, reviewed="yes")
    assert answer.status_code == 302
    found = RowMark.objects.get()
    assert (found.reviewed, found.note, found.by) == (True, "ask Ada", world.member)
    html = rows(world, version)
    assert "“ask Ada”" in html
    assert "needs a look</a>" in html
    assert html.count("Reviewed</span>") == 1


def test_a_row_number_beyond_what_an_index_holds_is_no_row(world: World, version: DatasetVersion) -> None:
    assert mark(world, version, 2**63, add="odd").status_code == 404
    url = reverse("row_edit", args=[world.project.pk, version.pk, 10**30])
    assert world.client("member").get(url).status_code == 404


def test_a_sign_that_postgresql_refuses_is_shown_as_unknown(world: World, version: DatasetVersion) -> None:
    mark(world, version, 4, add="od\0d", note="ask\0Ada")
    assert RowMark.objects.get().note == "ask\ufffdAda"
    assert 'id="line-4"' in rows(world, version, "tag=od%00d")


def test_it_filters_rows_by_tag_and_review(world: World, version: DatasetVersion) -> None:
    mark(world, version, 4, add="odd")
    mark(world, version, 3, add="odd", reviewed="yes")
    html = rows(world, version, "tag=odd")
    # Row 31 is a copy of row 3: what is noted about a row is true of each copy.
    assert [f'id="line-{line}"' in html for line in (3, 4, 5, 31)] == [True, True, False, True]
    html = rows(world, version, "tag=odd&reviewed=yes")
    assert [f'id="line-{line}"' in html for line in (3, 4, 31)] == [True, False, True]
    assert "No row matches" in rows(world, version, "tag=unknown")
    # An audit of an earlier version of the workbench has no table of identities.
    (launching.audit_of(version).folder / "rows" / "identity.u8").unlink()
    html = rows(world, version, "tag=odd")
    assert [f'id="line-{line}"' in html for line in (3, 4, 5, 31)] == [True, True, False, True]


def test_it_marks_all_ticked_rows_at_once(world: World, version: DatasetVersion) -> None:
    url = reverse("version_marks", args=[world.project.pk, version.pk])
    client = world.client("member")
    client.post(url, {"number": ["1", "2", "32"], "add": "first"})
    assert sorted(mark.tags.get().tag for mark in RowMark.objects.all()) == ["first", "first"]
    answer = client.post(url, {"number": ["1"], "remove": "first", "next": "//elsewhere.example/"}, follow=True)
    assert answer.redirect_chain[0][0].startswith("/projects/"), "never to another site"
    assert RowMark.objects.count() == 1, "a mark that says nothing is gone"
    assert b"No row is ticked" in client.post(url, {"add": "x"}, follow=True).content


def test_it_removes_a_tag_and_gives_htmx_the_row_alone(world: World, version: DatasetVersion) -> None:
    mark(world, version, 1, add="one, two")
    url = reverse("row_mark", args=[world.project.pk, version.pk, 1])
    answer = world.client("member").post(url, {"remove": "one"}, headers={"HX-Request": "true"})
    html = answer.content.decode()
    assert 'id="marks-1"' in html
    assert "<html" not in html
    assert marks.tags_of(version.dataset) == ["two"]


def test_it_cannot_mark_a_line_that_is_no_row(world: World, version: DatasetVersion) -> None:
    assert mark(world, version, 32, add="x").status_code == 404
    assert mark(world, version, 999, add="x").status_code == 404
    assert "cannot be marked" in rows(world, version, "show=unusable")


def test_its_notes_are_text_and_its_writers_members(world: World, version: DatasetVersion) -> None:
    mark(world, version, 1, add="<b>bold</b>", note="<script>alert(1)</script>")
    html = rows(world, version)
    assert "<script>alert" not in html
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert mark(world, version, 1, role="reader", add="x").status_code == 403
    assert mark(world, version, 1, role="stranger", add="x").status_code == 404
    assert 'name="add"' not in html, "a reader sees no form"


def test_they_follow_a_row_into_the_next_version_even_when_it_was_changed(world: World, tmp_path: Path) -> None:
    spoilt = {"messages": [{"role": "user", "content": "Zero\u200bwidth?"}, {"role": "assistant", "content": "Yes."}]}
    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", [*ticket_rows(20), spoilt]))
    mark(world, version, 1, add="kept")
    mark(world, version, 21, add="odd", reviewed="yes", note="hidden sign")
    repair = launching.start_repair(version, [{"op": "normalise"}], world.member)
    run_to_end(repair.run)
    repair.refresh_from_db()
    child = repair.child
    assert child is not None
    assert child.audit is not None
    run_to_end(child.audit.run)
    html = rows(world, child, "tag=odd")
    assert 'id="line-21"' in html
    assert "“hidden sign”" in html
    assert 'id="line-1"' in rows(world, child, "tag=kept")
    assert 'id="line-21"' in rows(world, version, "tag=odd"), "the parent keeps its own"
