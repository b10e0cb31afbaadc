"""Noting what one saw in a row: under one's name, beside others' notes; tags stay with the row in its dataset."""

from __future__ import annotations

from typing import Any

import pytest

from datasets_app import marks
from eval_app.models import Evaluation, RowNote
from tests.eval_app.cast import recorded, right, says
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def evaluation(world: World) -> Evaluation:
    return recorded(world, {"base": says("{}"), "tuned": right}, rows=3)


def post(world: World, found: Evaluation, path: str, role: str = "member", **data: str) -> Any:
    return world.client(role).post(f"{found.get_absolute_url()}compare/rows/{path}", data)


def shown(world: World, found: Evaluation, **query: str) -> str:
    return str(world.client("reader").get(f"{found.get_absolute_url()}compare/", query).content.decode())


def test_several_people_note_the_same_row(world: World, evaluation: Evaluation) -> None:
    assert post(world, evaluation, "2/notes/", text="The order is missing.").status_code == 302
    assert post(world, evaluation, "2/notes/", role="owner", text=" <b>Agreed</b>\0 ").status_code == 302
    html = shown(world, evaluation, show="noted")
    assert html.count("<article") == 1 and 'id="row-2"' in html
    assert "The order is missing." in html and "&lt;b&gt;Agreed&lt;/b&gt;\ufffd" in html
    assert "member, " in html and "owner, " in html
    assert [note.by for note in RowNote.objects.all()] == [world.member, world.owner]


def test_an_empty_note_is_refused_with_a_word(world: World, evaluation: Evaluation) -> None:
    page = world.client("member").post(
        f"{evaluation.get_absolute_url()}compare/rows/2/notes/", {"text": "  "}, follow=True
    )
    assert "The note was empty" in page.content.decode()
    assert not RowNote.objects.exists()


def test_it_goes_back_to_where_one_was_and_nowhere_else(world: World, evaluation: Evaluation) -> None:
    here = f"{evaluation.get_absolute_url()}compare/?show=wins#x"
    assert post(world, evaluation, "2/notes/", text="a", next=here).url == f"{here[:-2]}#row-2"
    away = post(world, evaluation, "2/notes/", text="a", next="//evil.example/x").url
    assert away == f"{evaluation.get_absolute_url()}compare/rows/2/"


def test_htmx_gets_what_is_noted_anew(world: World, evaluation: Evaluation) -> None:
    url = f"{evaluation.get_absolute_url()}compare/rows/2/notes/"
    answer = world.client("member").post(url, {"text": "Odd."}, headers={"HX-Request": "true"})
    html = answer.content.decode()
    assert "Odd." in html and 'id="marks-2"' in html and "<html" not in html


def test_a_note_is_taken_away_by_its_author_or_an_owner(world: World, evaluation: Evaluation) -> None:
    for role in ("member", "owner"):
        post(world, evaluation, "1/notes/", text="mine")
        note = RowNote.objects.get()
        RowNote.objects.filter(pk=note.pk).update(by=world.member)
        assert post(world, evaluation, f"1/notes/{note.pk}/remove/", role=role).status_code == 302
        assert not RowNote.objects.exists()
    note = RowNote.objects.create(evaluation=evaluation, position=0, text="the owner's", by=world.owner)
    assert post(world, evaluation, f"1/notes/{note.pk}/remove/").status_code == 403
    assert post(world, evaluation, f"2/notes/{note.pk}/remove/", role="owner").status_code == 404, "of another row"


def test_notes_outlive_rows_that_are_recorded_again(world: World, evaluation: Evaluation) -> None:
    post(world, evaluation, "2/notes/", text="Stays.")
    evaluation.run.recorder().on_success(evaluation.run)
    assert "Stays." in shown(world, evaluation, show="noted")


def test_a_tag_is_the_datasets_own(world: World, evaluation: Evaluation) -> None:
    post(world, evaluation, "3/tags/", add="Odd one, late")
    row = evaluation.rows.get(position=2)
    assert evaluation.split is not None
    mark = marks.known(evaluation.split.version.dataset, [row.row_id])[row.row_id]
    assert [tag.tag for tag in mark.tags.all()] == ["late", "odd one"] and mark.by == world.member
    assert shown(world, evaluation, tag="odd one").count("<article") == 1
    assert "odd one (1)" in shown(world, evaluation)
    post(world, evaluation, "3/tags/", remove="late")
    assert marks.tags_of(evaluation.split.version.dataset) == ["odd one"]


def test_a_reader_reads_and_writes_nothing(world: World, evaluation: Evaluation) -> None:
    assert post(world, evaluation, "1/notes/", role="reader", text="x").status_code == 403
    assert post(world, evaluation, "1/tags/", role="reader", add="x").status_code == 403
    assert "Note or tag" not in shown(world, evaluation)
