"""Comparing systems row by row: which rows, in which order, marked against what; and each row at its own address."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datasets_app import marks
from engine.evaluation import significance
from eval_app.asked import SHOWS
from eval_app.models import Evaluation, RowNote
from eval_app.recording import slices_of
from eval_app.verdict_models import CauseLabel
from tests.eval_app.cast import recorded, right, says
from tests.world import World

pytestmark = pytest.mark.django_db

REFUSAL = "I'm sorry, but I can't help with that request."
SYSTEMS = {
    "base": says("{}", None, REFUSAL, None, "{}", "no json"),
    "tuned": says(None, None, "{}", "{broken", "{}", None),
    "few": right,
    "empty": says("{}"),
}
# Row by row, tuned against base: win, both right, both wrong (base refused), loss (broken JSON), both wrong, win.


def facts(row: int) -> dict[str, Any]:
    kind = ("refund", "bug", "question")[row % 3]
    return {"label": kind, "length": "short", "tags": ["vip", "late"] if row < 2 else [], "schema": {"type": "object"}}


@pytest.fixture
def evaluation(world: World) -> Evaluation:
    return recorded(world, SYSTEMS, facts=facts)


def shown(world: World, found: Evaluation, **query: Any) -> list[int]:
    """The numbers of the rows on the page, in its order."""
    html = world.client("reader").get(f"{found.get_absolute_url()}compare/", query).content.decode()
    return [int(number) for number in re.findall(r'id="row-(\d+)" ', html)]


def page(world: World, found: Evaluation, path: str = "", **query: Any) -> str:
    answer = world.client("reader").get(f"{found.get_absolute_url()}compare/{path}", query)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.parametrize(
    ("show", "rows"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("wins", [1, 6]),
        ("losses", [4]),
        ("regressions", [4]),
        ("both", [2]),
        ("neither", [3, 5]),
        ("invalid", [4]),
        ("refusals", []),
        ("failed", []),
        ("noted", []),
        ("of no such name", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_it_filters_rows_by_how_candidate_and_baseline_stand(
    world: World, evaluation: Evaluation, show: str, rows: list[int]
) -> None:
    assert shown(world, evaluation, show=show) == rows
    if show in SHOWS:
        label = SHOWS[show].label
        assert re.search(
            rf'aria-current="true">{label} <span class="n">{len(rows)}<', page(world, evaluation, show=show)
        )


def test_the_pair_that_is_compared_can_be_chosen(world: World, evaluation: Evaluation) -> None:
    assert shown(world, evaluation, candidate="base", baseline="few", show="losses") == [1, 3, 5, 6]
    assert shown(world, evaluation, candidate="base", baseline="few", show="refusals") == [3]
    assert shown(world, evaluation, candidate="base", baseline="few", show="regressions") == [1, 3, 5, 6]
    html = page(world, evaluation, candidate="few", baseline="tuned")
    assert "System few against System tuned, row by row" in html
    assert shown(world, evaluation, candidate="base", baseline="base") == [1, 2, 3, 4, 5, 6], "not against itself"


def test_a_failed_answer_is_shown_as_failed_and_is_a_regression(world: World) -> None:
    def more(system: str, row: int) -> dict[str, Any]:
        return {"problem": "The endpoint answered 503."} if (system, row) == ("tuned", 1) else {"refused": row == 2}

    found = recorded(world, {"base": right, "tuned": says(None, "", None)}, rows=3, more=more)
    assert shown(world, found, show="failed") == [2]
    assert shown(world, found, show="regressions") == [2]
    assert shown(world, found, show="refusals") == [3], "what the line says counts, not the text"
    assert "The endpoint answered 503." in page(world, found)


def test_a_regression_is_also_a_format_that_breaks_where_neither_is_right(world: World) -> None:
    found = recorded(world, {"base": says("{}"), "tuned": says("{", "{}")}, rows=2)
    assert shown(world, found, show="losses") == []
    assert shown(world, found, show="regressions") == [1]


def test_where_the_measure_is_a_number_the_higher_one_wins(world: World) -> None:
    found = recorded(
        world, {"base": says("a b c d", "x"), "tuned": says("a b", "x")}, rows=2, task="text",
        make=lambda n: [{"prompt": f"Say {i}.", "completion": "a b c d"} for i in range(n)],
    )  # fmt: skip
    assert shown(world, found, show="losses") == [1]
    assert shown(world, found, show="regressions") == [], "0.67 is still right"
    assert shown(world, found, show="neither") == [2]


def test_slices_are_filters_on_every_database(world: World, evaluation: Evaluation) -> None:
    assert shown(world, evaluation, slice="label:bug") == [2, 5]
    assert shown(world, evaluation, slice="tags:late") == [1, 2], "a list is a slice for each word"
    assert shown(world, evaluation, slice="label:bug", show="neither") == [5]
    assert shown(world, evaluation, slice="label:%") == []
    html = page(world, evaluation, slice="label:bug")
    assert "bug (2)" in html and "Take away: Label: bug" in html
    assert "schema" not in dict(slices_of(facts(0)))


def test_a_tag_of_the_dataset_is_a_filter(world: World, evaluation: Evaluation) -> None:
    row = evaluation.rows.get(position=3)
    assert evaluation.split is not None
    marks.change(evaluation.split.version.dataset, [row.row_id], marks.Change(add=("odd",)), world.member)
    assert shown(world, evaluation, tag="odd") == [4]
    assert shown(world, evaluation, tag="even") == []


def test_best_and_worst_come_first_and_a_random_order_is_that_of_its_seed(world: World, evaluation: Evaluation) -> None:
    assert shown(world, evaluation, order="best") == [1, 6, 2, 3, 5, 4]
    assert shown(world, evaluation, order="worst") == [4, 3, 5, 2, 1, 6]
    one = shown(world, evaluation, order="random", seed=1)
    assert one == shown(world, evaluation, order="random", seed=1)
    assert sorted(one) == [1, 2, 3, 4, 5, 6]
    assert len({tuple(shown(world, evaluation, order="random", seed=seed)) for seed in range(1, 6)}) > 1


def test_words_are_marked_against_the_reference_or_another_system(world: World, evaluation: Evaluation) -> None:
    found = recorded(
        world, {"base": says("the cat sat on the mat"), "tuned": says("the cat lay on the mat")}, rows=1, task="text",
        make=lambda n: [{"prompt": f"Say {i}.", "completion": "the dog sat on the mat"} for i in range(n)],
    )  # fmt: skip
    html = page(world, found)
    assert "<del>dog</del><ins>cat</ins>" in html
    other = page(world, found, against="base")
    assert "<del>sat</del><ins>lay</ins>" in other and "<del>dog</del>" not in other
    article = page(world, found, against="nothing").partition("<article")[2]
    assert "<ins>" not in article and "<del>" not in article


def test_one_row_has_an_address_and_neighbours_within_the_filter(world: World, evaluation: Evaluation) -> None:
    html = page(world, evaluation, "rows/3/", show="neither")
    assert "1 of 2: Both wrong, in order" in html
    assert re.search(r'rel="next" href="[^"]*/rows/5/\?show=neither"', html)
    assert 'rel="prev"' not in html
    assert "Answer with JSON only." in html, "the system prompt is shown in full"
    assert "Not among the rows of this filter" in page(world, evaluation, "rows/1/", show="neither")
    client = world.client("reader")
    for number in ("0", "7", "9" * 30):
        assert client.get(f"{evaluation.get_absolute_url()}compare/rows/{number}/").status_code == 404


def test_a_row_of_a_later_page_leads_back_to_that_page(world: World) -> None:
    found = recorded(world, {"base": right, "tuned": right}, rows=12)
    assert "compare/?page=2#row-12" in page(world, found, "rows/12/")
    assert 'href="' + f"{found.get_absolute_url()}compare/?#row-2" in page(world, found, "rows/2/")


def test_the_summary_has_every_system_with_intervals(world: World, evaluation: Evaluation) -> None:
    html = page(world, evaluation)
    assert "Exact match" in html and "decides" in html
    assert html.count("num summary-system") == 4
    wilson = significance.wilson(2, 6)
    assert f"{100 * wilson.low:.1f} to {100 * wilson.high:.1f} %" in html and "n = 6" in html


def test_of_many_systems_six_are_shown_with_the_pair_among_them(world: World) -> None:
    found = recorded(world, dict.fromkeys("abcdefgh", right), rows=2)
    html = page(world, found, candidate="h")
    assert html.partition("<article")[2].partition("</article>")[0].count("data-system=") == 6
    assert "</kbd> System h</h4>" in html and "</kbd> System g</h4>" not in html
    two = page(world, found, on=["c"], candidate="h")
    assert two.partition("<article")[2].partition("</article>")[0].count("data-system=") == 3


def test_why_an_answer_failed_stands_beside_it(world: World, evaluation: Evaluation) -> None:
    article = page(world, evaluation).partition('id="row-1"')[2].partition("</article>")[0]
    assert "Format. It is JSON, without the keys that the references share." in article
    CauseLabel.objects.create(
        evaluation=evaluation, system=evaluation.systems.get(key="base"), position=0, row_id="", cause="knowledge_gap",
        given_by=world.member,
    )  # fmt: skip
    assert "Knowledge gap, says member" in page(world, evaluation)


def test_hostile_text_is_shown_and_runs_nowhere(world: World) -> None:
    bad = '<script>alert(1)</script> " onload=x {{ 7 }} =1+1 \0 \u202e'
    found = recorded(
        world, {"base": says(bad), "tuned": right}, rows=1, facts=lambda row: {"label": bad}, task="text",
        make=lambda n: [{"prompt": bad, "completion": bad} for _ in range(n)],
    )  # fmt: skip
    for path in ("", "rows/1/"):
        html = page(world, found, path, q="alert", slice="label:<script>x", tag="<script>")
        html += page(world, found, path)
        assert "<script>alert" not in html and "<script>x" not in html
        assert "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize("query", ["", "?show=regressions&order=worst&slice=label:bug&q=ord", "?order=random&seed=9"])
def test_the_number_of_queries_does_not_grow_with_rows_or_systems(world: World, query: str) -> None:
    small = recorded(world, {"base": right, "tuned": says("{}")}, rows=3, facts=facts)
    large = recorded(world, {"base": right} | {key: says("{", None) for key in "bcdef"}, rows=60, facts=facts)
    client = world.client("reader")
    counts = []
    for found in (small, large):
        RowNote.objects.create(evaluation=found, position=0, text="odd", by=world.member)
        client.get(found.get_absolute_url())
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"{found.get_absolute_url()}compare/{query}").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 30


def test_old_answers_are_sorted_by_the_migration(world: World, evaluation: Evaluation) -> None:
    from importlib import import_module

    from django.apps import apps

    from eval_app.models import Output

    fields = ("row__position", "system__key", "score", "right", "outcome", "refused", "invalid")
    known = list(Output.objects.order_by("pk").values_list(*fields))
    Output.objects.update(score=None, right=None, outcome="", refused=False, invalid=False)
    import_module("eval_app.migrations.0004_sort_old_answers").sort_answers(apps, None)
    assert list(Output.objects.order_by("pk").values_list(*fields)) == known
    assert {outcome for *_, outcome, _, _ in known} == {"", "win", "loss", "both", "neither"}
