"""The launch form's controls of several fields: epochs or steps, layers by name, what an empty alpha amounts to."""

from __future__ import annotations

import pytest

from projects_app.models import Role
from tests.training_jobs.cast import form_values, launch_url, preview_url
from tests.world import World
from training_jobs.models import TrainingJob

PICKED = "adapter__target_modules__picked"
SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.fixture
def sent(world: World) -> dict[str, object]:
    world.split()
    return form_values(world.client("member").get(launch_url(world)))


def launched(world: World, sent: dict[str, object]) -> dict[str, dict[str, object]]:
    response = world.client("member").post(launch_url(world), sent)
    assert response.status_code == 302, response.content.decode()[:3000]
    spec: dict[str, dict[str, object]] = TrainingJob.objects.get().spec
    return spec


def preview(world: World, sent: dict[str, object]) -> str:
    return world.client(Role.MEMBER).post(preview_url(world), sent).content.decode().replace("\xa0", " ")


def test_it_runs_by_epochs_or_by_steps_as_chosen(world: World, sent: dict[str, object]) -> None:
    assert sent["run_length"] == "epochs"
    assert "<dt>Steps</dt><dd>7</dd>" in preview(world, sent | {"run_length": "steps", "max_steps": "7"})
    spec = launched(world, sent | {"run_length": "epochs", "max_steps": "7", "num_train_epochs": "2"})
    assert (spec["training"]["max_steps"], spec["training"]["num_train_epochs"]) == (None, 2.0)


def test_steps_without_a_number_are_refused_beside_the_field(world: World, sent: dict[str, object]) -> None:
    response = world.client("member").post(launch_url(world), sent | {"run_length": "steps"})
    assert response.status_code == 400
    page = response.content.decode()
    assert "or choose epochs" in page.split('id="id_max_steps_error"')[1].split("</div>")[0]
    assert form_values(response)["run_length"] == "steps"


def test_a_clone_of_a_run_by_steps_is_by_steps(world: World, sent: dict[str, object]) -> None:
    launched(world, sent | {"run_length": "steps", "max_steps": "9"})
    page = world.client("member").get(launch_url(world), {"from": TrainingJob.objects.get().pk})
    assert (form_values(page)["run_length"], form_values(page)["max_steps"]) == ("steps", "9")


def test_it_offers_the_models_own_layers_and_takes_the_ticked_ones(world: World, sent: dict[str, object]) -> None:
    assert sent[PICKED] == SEVEN
    spec = launched(world, sent | {PICKED: ["q_proj", "v_proj"]})
    assert spec["adapter_options"]["target_modules"] == "q_proj, v_proj"
    again = form_values(world.client("member").get(launch_url(world), {"from": TrainingJob.objects.get().pk}))
    assert again[PICKED] == ["q_proj", "v_proj"]


def test_text_that_was_typed_counts_more_than_boxes(world: World, sent: dict[str, object]) -> None:
    spec = launched(world, sent | {"adapter__target_modules": "layers.1.mlp.up_proj", PICKED: ["q_proj"]})
    assert spec["adapter_options"]["target_modules"] == "layers.1.mlp.up_proj"


def test_no_layer_at_all_is_refused(world: World, sent: dict[str, object]) -> None:
    response = world.client("member").post(launch_url(world), sent | {PICKED: []})
    assert response.status_code == 400
    assert 'id="id_adapter__target_modules_error"' in response.content.decode()


def test_it_shows_what_an_empty_alpha_and_both_batch_fields_amount_to(world: World, sent: dict[str, object]) -> None:
    page = preview(world, sent | {"adapter__lora_rank": "24", "per_device_train_batch_size": "3"})
    assert "<dt>LoRA alpha</dt><dd>48 (2 × rank)</dd>" in page
    accumulation = int(str(sent["gradient_accumulation_steps"]))
    assert f"effective batch: {3 * accumulation} rows" in page.split('id="effective"')[1].split("</span>")[0]
    assert "LoRA alpha" not in preview(world, sent | {"adapter__lora_alpha": "8"})
    first = world.client("member").get(launch_url(world)).content.decode()
    assert 'placeholder="32 (2 × rank)"' in first
