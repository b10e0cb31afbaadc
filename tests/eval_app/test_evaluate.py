"""Evaluating a checkpoint against the baseline: from the button to the compare page."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.differences import against_reference, far_apart
from eval_app.deciding import deciding, measure, outcome, score
from eval_app.models import Evaluation, Output
from runs_app.models import Run, Status
from tests.world import World, run_to_end

pytestmark = pytest.mark.django_db(transaction=True)


_FILES = ("rows.jsonl", "outputs.jsonl", "results.json")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture
def evaluation(world: World, kept: Path) -> Evaluation:
    """A finished evaluation of a random adapter on the tiny model: six rows, two systems.

    The engine runs for the first test that asks; the others take in the files it left.
    """
    job = world.job()
    response = world.client("member").post(f"/projects/{world.project.pk}/evaluate/start/", {"job": job.pk})
    found = Evaluation.objects.get()
    assert response.url == found.get_absolute_url()
    if (kept / "results.json").exists():
        for name in _FILES:
            shutil.copy(kept / name, found.run.directory / name)
        found.run.recorder().on_success(found.run)
        Run.objects.filter(pk=found.run.pk).update(status=Status.SUCCEEDED)
    else:
        run = run_to_end(found.run)
        assert run.status == Status.SUCCEEDED, run.reason_text
        for name in _FILES:
            shutil.copy(run.directory / name, kept / name)
    found.refresh_from_db()
    return found


def test_it_compares_base_and_tuned_row_by_row(world: World, evaluation: Evaluation) -> None:
    assert evaluation.rows.count() == 6
    assert {row.outputs.count() for row in evaluation.rows.all()} == {2}
    assert evaluation.results["n"] == 6
    assert evaluation.results["verdict"]["word"] == "no difference shown", "six rows of noise show nothing"
    texts = {output.text for row in evaluation.rows.all() for output in row.outputs.all()}
    assert len(texts) > 1, "the adapter is really applied"


def test_the_pages_show_figures_with_their_company(world: World, evaluation: Evaluation) -> None:
    page = world.client("reader").get(evaluation.get_absolute_url()).content.decode()
    for words in (
        "Exact match",
        "Valid JSON",
        "95 % interval",
        "n = 6",
        "No difference shown",
        "decides",
        "p99",
        "Blind review",
    ):
        assert words in page


def test_the_compare_page_filters_and_searches(world: World, evaluation: Evaluation) -> None:
    client = world.client("reader")
    url = f"{evaluation.get_absolute_url()}compare/"
    everything = client.get(url).content.decode()
    assert everything.count("data-row ") == 6
    wrong = client.get(url, {"show": "neither"}).content.decode()
    tuned = Output.objects.filter(row__evaluation=evaluation, system__key="tuned")
    assert wrong.count("data-row ") == tuned.filter(outcome="neither").count() > 0
    nothing = client.get(url, {"show": "wins"}).content.decode()
    assert "No row came out this way" in nothing
    order = evaluation.rows.first().messages[-1]["content"].split(" of ")[0]
    assert client.get(url, {"q": order}).content.decode().count("data-row ") == 1


def test_the_search_finds_what_json_escapes(world: World, evaluation: Evaluation) -> None:
    row = evaluation.rows.first()
    row.messages = [{"role": "user", "content": 'Müller fragt nach der "id" 你好'}]
    row.save(update_fields=["messages"])
    url = f"{evaluation.get_absolute_url()}compare/"
    for words in ("Müller", "你好", '"id"', "fragt"):
        assert world.client().get(url, {"q": words}).content.decode().count("data-row ") == 1, words


def test_recording_twice_leaves_one_set_of_rows(world: World, evaluation: Evaluation) -> None:
    evaluation.run.recorder().on_success(evaluation.run)
    assert evaluation.rows.count() == 6


def test_it_says_why_it_cannot_start(world: World) -> None:
    client = world.client("member")
    url = f"/projects/{world.project.pk}/evaluate/start/"
    page = client.post(url, {"job": "999"}, follow=True).content.decode()
    assert "no checkpoint to evaluate yet" in page
    job = world.job()
    page = client.post(url, {"job": job.pk, "rows": "<b>many"}, follow=True).content.decode()
    assert "is not a number of rows" in page
    assert "<b>many" not in page
    assert not Run.objects.filter(kind="evaluate").exists()


def test_a_checkpoint_of_another_project_is_not_there(world: World) -> None:
    job = world.job()
    other = world.client("stranger")
    assert other.post(f"/projects/{world.project.pk}/evaluate/start/", {"job": job.pk}).status_code == 404


def test_words_that_differ_from_the_reference_are_marked() -> None:
    parts = against_reference('{"kind": "bug"}', '{"kind": "refund"}')
    assert ("added", "bug") in parts
    assert ("removed", "refund") in parts
    assert "".join(text for kind, text in parts if kind != "removed") == '{"kind": "bug"}'


def test_an_output_of_another_kind_is_shown_without_marks() -> None:
    assert far_apart(against_reference("I am sorry, I cannot help you with that order.", '{"kind": "refund"}'))
    assert not far_apart(against_reference('{"kind": "bug"}', '{"kind": "refund"}'))
    assert not far_apart(against_reference("the very same", "the very same"))


def test_a_very_long_output_is_shown_without_marks() -> None:
    text = "word " * 5000
    assert against_reference(text, "word") == [("same", text)]


@pytest.mark.parametrize(
    ("base", "tuned", "expected"),
    [(1.0, 1.0, "both"), (0.0, 1.0, "win"), (1.0, 0.0, "loss"), (0.0, 0.0, "neither"), (None, 1.0, "")],
)
def test_the_outcome_of_a_row_follows_the_deciding_measure(
    base: float | None, tuned: float | None, expected: str
) -> None:
    assert outcome(measure("exact_match"), base, tuned) == expected


def test_where_the_measure_is_a_number_the_higher_one_is_right() -> None:
    by = measure("token_f1")
    assert outcome(by, 0.4, 0.6) == "win"
    assert outcome(by, 0.4, 0.4) == "neither"
    latency = measure("latency")
    assert outcome(latency, score(latency, {"latency": 2.0}), score(latency, {"latency": 1.0})) == "win"


def test_rows_are_sorted_by_a_measure_that_has_a_number_for_each() -> None:
    metrics = {"macro_f1": {}, "length": {}, "accuracy": {}, "own_short": {}}
    results = {"primary_metric": "macro_f1", "baseline": "base", "systems": {"base": {"metrics": metrics}}}
    assert deciding(results).name == "accuracy"
    own = results | {"primary_metric": "own_short", "comparisons": []}
    own["own_metrics"] = [{"name": "own_short", "label": "Short", "direction": "lower", "unit": "share"}]
    assert (deciding(own).label, deciding(own).direction) == ("Short", "lower")
