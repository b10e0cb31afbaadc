"""A project's own metrics: added, tried on a real row, changed, deleted."""

from __future__ import annotations

import json

import pytest

from eval_app.models import Evaluation, EvaluationRow, Output, System
from eval_app.own_metric_models import MOST, OwnMetric
from runs_app.models import Run
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
FIELDS = {"label": "Short enough", "expression": "size(words(output)) <= 5", "unit": "share", "direction": "higher"}


def url(world: World, end: str = "") -> str:
    return f"/projects/{world.project.pk}/evaluate/metrics/{end}"


def answered(world: World, text: str) -> None:
    run = Run.objects.create(project=world.project, kind="evaluate", title="one", created_by=world.owner)
    evaluation = Evaluation.objects.create(project=world.project, run=run, name="one", created_by=world.owner)
    system = System.objects.create(evaluation=evaluation, key="base", name="Base <b>", is_baseline=True)
    row = EvaluationRow.objects.create(
        evaluation=evaluation, position=0, row_id="0" * 64, line=1, reference="ref",
        messages=[{"role": "user", "content": "Say it."}],
    )  # fmt: skip
    Output.objects.create(row=row, system=system, text=text)


def test_it_is_added_and_named_by_its_label(world: World) -> None:
    client = world.client("member")
    assert client.post(url(world), FIELDS).status_code == 302
    client.post(url(world), FIELDS)
    assert list(world.project.own_metrics.values_list("name", flat=True)) == ["own_short_enough", "own_short_enough_2"]
    page = world.client("reader").get(url(world)).content.decode()
    assert "size(words(output)) &lt;= 5" in page
    assert "Add a metric" not in page, "readers read"
    assert json.dumps(world.project.own_metrics.first().for_engine())


def test_it_says_what_is_wrong_and_keeps_what_was_typed(world: World) -> None:
    client = world.client("member")
    for expression, words in (("size(output", "Line 1, column"), ("(" * 900, "column"), ("", "required")):
        response = client.post(url(world), {**FIELDS, "expression": expression})
        page = response.content.decode()
        assert response.status_code == 400
        assert words in page
        assert "Short enough" in page
    assert not OwnMetric.objects.exists()


def test_it_is_tried_on_the_answers_of_the_newest_evaluation(world: World) -> None:
    answered(world, "<script>one two three")
    client = world.client("member")
    page = client.post(url(world, "try/"), {**FIELDS, "row": "1"}, headers={"HX-Request": "true"}).content.decode()
    assert "100.0 %" in page
    assert "<script>one" not in page
    assert "<html" not in page, "a fragment"
    whole = client.post(url(world, "try/"), {**FIELDS, "expression": "json(output).a == 1"}).content.decode()
    assert "there is no JSON" in whole
    assert "json(output).a == 1" in whole
    assert "Short enough" in whole, "without JavaScript the form comes back as it was"
    assert "no row 7" in client.post(url(world, "try/"), {**FIELDS, "row": "7"}).content.decode()
    assert not OwnMetric.objects.exists()


def test_it_is_tried_on_a_test_row_where_nothing_was_evaluated(world: World) -> None:
    world.split()
    page = (
        world.client("member")
        .post(url(world, "try/"), {**FIELDS, "expression": "output == reference"})
        .content.decode()
    )
    assert "The reference itself" in page
    assert "100.0 %" in page


def test_a_hostile_expression_is_answered(world: World) -> None:
    answered(world, "a" * 1000)
    client = world.client("member")
    for expression in ("[1,1,1,1,1,1].map(a," * 8 + "1" + ")" * 8, "[output]" + ".map(a, a + a)" * 60 + "[0].size()"):
        page = client.post(url(world, "try/"), {**FIELDS, "expression": expression}).content.decode()
        assert "needed more than" in page or "was stopped" in page


def test_it_is_changed_and_deleted(world: World) -> None:
    client = world.client("member")
    client.post(url(world), FIELDS)
    metric = OwnMetric.objects.get()
    assert client.post(metric.get_absolute_url(), {**FIELDS, "label": "New"}).status_code == 302
    metric.refresh_from_db()
    assert (metric.label, metric.name) == ("New", "own_short_enough")
    assert client.post(url(world, f"{metric.pk}/delete/")).status_code == 302
    assert not OwnMetric.objects.exists()


def test_there_is_an_end_to_their_number(world: World) -> None:
    OwnMetric.objects.bulk_create(
        OwnMetric(project=world.project, name=f"own_{i}", label=str(i), expression="true", created_by=world.owner)
        for i in range(MOST)
    )
    assert "Delete one" in world.client("member").post(url(world), FIELDS).content.decode()


def test_an_evaluation_that_starts_measures_them_and_has_the_judge_that_was_chosen(world: World) -> None:
    client, job = world.client("member"), world.job()
    client.post(url(world), FIELDS)
    endpoint = world.project.endpoints.create(
        name="Large", base_url="https://api.example.com/v1", model="m", created_by=world.owner
    )
    endpoint.set_key("sk-secret-0123456789abcdef")
    endpoint.save()
    page = client.get(f"/projects/{world.project.pk}/evaluate/new/").content.decode()
    assert "Large (endpoint)" in page
    asked = {"job": job.pk, "judge": f"endpoint:{endpoint.pk}", "judge_rows": "7", "judge_instructions": "Be brief."}
    client.post(f"/projects/{world.project.pk}/evaluate/start/", asked)
    run = Evaluation.objects.get().run
    text = (run.directory / "spec.json").read_text()
    spec = json.loads(text)
    assert [metric["name"] for metric in spec["own_metrics"]] == ["own_short_enough"]
    assert (spec["judge"]["rows"], spec["judge"]["instructions"], spec["judge"]["kind"]) == (7, "Be brief.", "endpoint")
    assert "sk-secret" not in text
    assert run.recorder().environment(run)["WORKBENCH_ENDPOINT_KEY_JUDGE"] == "sk-secret-0123456789abcdef"


def test_a_judge_that_is_not_the_project_s_is_not_there(world: World) -> None:
    client, job = world.client("member"), world.job()
    for asked in (
        {"judge": "endpoint:999"},
        {"judge": "os:1"},
        {"judge": f"model:{world.base_model.pk}", "judge_rows": "x"},
    ):
        page = client.post(
            f"/projects/{world.project.pk}/evaluate/start/", {"job": job.pk, **asked}, follow=True
        ).content.decode()
        assert "is not there any more" in page or "cannot be asked" in page
    assert not Evaluation.objects.exists()
