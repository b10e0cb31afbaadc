"""The form of a new evaluation: systems added and removed without JavaScript, a preview that says why not, a start."""

from __future__ import annotations

import json
from typing import Any

import pytest

from documents_app.models import Document
from engine.evaluation.cases import read_cases
from engine.evaluation.spec import read_spec
from engine.evaluation.store import Kept, Store
from engine.evaluation.store_keys import content_of, weights_key
from eval_app.launch_form import as_sent, fresh, typed
from eval_app.launching import keys_of, store_path
from eval_app.models import Evaluation
from models_app.models import Endpoint
from tests.world import World

pytestmark = pytest.mark.django_db


def url(world: World, more: str = "") -> str:
    return f"/projects/{world.project.pk}/evaluate/new/{more}"


def sent(world: World, **more: Any) -> dict[str, Any]:
    """The form as a browser sends it untouched."""
    return {**as_sent(fresh(world.project)), **more}


def test_it_begins_with_the_base_examples_and_the_best_checkpoint(world: World) -> None:
    job = world.job()
    page = world.client("member").get(url(world)).content.decode()
    for words in ("Base model", "Few-shot", "Tuned checkpoint", f"Test part of split {job.split.pk}", "Ready", "18"):
        assert words in page
    assert "6 rows can show" in page, "it says what so few rows can show"


def test_it_is_ready_before_anything_was_trained(world: World) -> None:
    split = world.split()
    page = world.client("member").get(url(world)).content.decode()
    assert f"Test part of split {split.pk}" in page
    assert "This field is required" not in page and "Not ready" not in page


def test_it_names_the_field_that_is_wrong(world: World) -> None:
    world.job()
    page = world.client("member").post(url(world, "preview/"), sent(world, rows="many")).content.decode()
    assert "How many: “many” is not a number of rows." in page


def test_systems_are_added_and_removed_by_plain_buttons(world: World) -> None:
    world.job()
    client = world.client("member")
    page = client.post(url(world), sent(world, add="1", add_kind="majority")).content.decode()
    assert 'value="0:base,1:few_shot,2:checkpoint,3:majority"' in page
    page = client.post(url(world), sent(world, remove="1")).content.decode()
    assert 'value="0:base,2:checkpoint"' in page
    assert not Evaluation.objects.exists()


def test_a_system_just_added_is_not_wrong_before_anybody_filled_it(world: World) -> None:
    world.job()
    client = world.client("member")
    page = client.post(url(world), sent(world, add="1", add_kind="prompt")).content.decode()
    assert page.count("Empty. Give a value.") == 1, "the preview alone says what is missing"
    assert "Not ready" in page


def test_it_starts_what_was_chosen(world: World) -> None:
    job = world.job()
    endpoint = Endpoint(
        project=world.project, name="Cloud", base_url="https://nowhere.invalid/v1", model="m", price_in=1, price_out=2,
        created_by=world.owner,
    )  # fmt: skip
    endpoint.set_key("sk-0123456789abcdefXYZ")
    endpoint.save()
    Document.objects.create(
        project=world.project, name="a.txt", size=4, words=1, sha256="0" * 64, created_by=world.owner
    ).path.parent.mkdir(parents=True, exist_ok=True)
    Document.objects.get().path.write_text("word")
    data = sent(world, order="0:base,1:prompt,2:retrieval,3:checkpoint,4:endpoint,5:empty_json", rows="5")
    model = str(world.base_model.pk)
    data |= {"s1-target": model, "s1-system_prompt": "Only JSON.", "s2-target": model, "s2-k": "2", "s2-ranker": "bm25"}
    data |= {"s2-chunk_words": "50", "s2-overlap": "5", "s2-instruction": "Read this."}
    data |= {"s3-target": str(job.best_checkpoint.pk), "s4-target": str(endpoint.pk), "s4-at_once": "2"}
    response = world.client("member").post(url(world), {**data, "primary": "json_valid", "metrics": ["json_valid"]})
    found = Evaluation.objects.get()
    assert response.status_code == 302 and response.url == found.get_absolute_url()
    spec = json.loads((found.run.directory / "spec.json").read_text())
    assert "sk-0123" not in json.dumps(spec)
    assert keys_of(found) == {f"WORKBENCH_ENDPOINT_KEY_{endpoint.pk}": "sk-0123456789abcdefXYZ"}
    read = read_spec(spec)
    assert [one.kind for one in read.systems] == ["base", "prompt", "retrieval", "checkpoint", "endpoint", "empty_json"]
    assert read.systems[1].options.system_prompt == "Only JSON." and read.systems[2].options.k == 2
    assert read.systems[3].adapter == job.best_checkpoint.path and read.baseline == "base"
    assert read.systems[4].price is not None and read.systems[4].price.tokens_out == 2.0
    assert (read.limit, read.primary, read.metrics) == (5, "json_valid", ("json_valid",))
    assert read.documents[0].text() == "word" and found.run.directory in read.documents[0].path.parents
    assert read.training_rows == job.split.file("train")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"order": ""}, "Add a system."),
        ({"order": "0:base,1:retrieval", "s1-k": "3"}, "Retrieval needs documents"),
        ({"order": "0:majority", "baseline": "0"}, "must be a system that answers"),
        ({"rows": "<b>many"}, "is not a number of rows"),
        ({"s1-k": "99"}, "99 is out of range"),
        ({"order": "0:base,1:endpoint"}, "no endpoint yet"),
        ({"baseline": "7"}, "Choose which system is the baseline"),
        ({"primary": "contains", "metrics": ["exact_match"]}, "Tick this metric as well"),
    ],
)
def test_it_says_why_it_is_not_ready(world: World, more: dict[str, Any], why: str) -> None:
    world.job()
    model = {"s1-target": str(world.base_model.pk), "s1-ranker": "bm25", "s1-chunk_words": "50", "s1-overlap": "5"}
    data = sent(world, **model, **{"s1-instruction": "Read.", **more})
    client = world.client("member")
    card = client.post(url(world, "preview/"), data).content.decode()
    assert why in card and "Not ready" in card
    response = client.post(url(world), data)
    assert (
        response.status_code == 400 and why in response.content.decode() and "<b>many" not in response.content.decode()
    )
    assert not Evaluation.objects.exists()


def test_the_preview_counts_what_is_kept_already(world: World) -> None:
    job = world.job()
    store = Store(store_path())
    content = content_of(store, world.base_model.path, None)
    cases = read_cases(job.split.file("test"), world.project.system_prompt, None, 42)
    for case in cases[:4]:
        key = weights_key(str(content), case.messages, case.tools)
        store.put(key, Kept("{}", 1, 1, True, 32, 0.1, 0.1, 1, True, 0.1))
    card = world.client("member").post(url(world, "preview/"), sent(world)).content.decode()
    assert "14 of 18; 4 are kept from earlier" in card


def test_an_evaluation_is_cloned_into_the_form(world: World) -> None:
    world.job()
    client = world.client("member")
    client.post(url(world), sent(world, **{"s1-k": "2", "s1-name": "Two shots", "rows": "4"}))
    found = Evaluation.objects.get()
    page = client.get(url(world, f"?from={found.pk}")).content.decode()
    assert "Two shots" in page and 'value="0:base,1:few_shot,2:checkpoint"' in page
    launch = typed(world.project, as_sent(fresh(world.project, source=found)))
    assert launch.problems() == []
    again = launch.plan()
    assert again.limit == 4 and again.systems[1].options == {"k": 2} and again.systems[1].name == "Two shots"


def test_there_is_nothing_to_ask_without_rows(world: World) -> None:
    page = world.client("member").get(url(world)).content.decode()
    assert "No rows to ask yet" in page
