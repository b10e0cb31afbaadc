"""The method follows the shape of the rows; what does not fit is said; a teacher comes along."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest

from engine.adapters.table import ADAPTERS
from engine.training.spec import TrainingSpec
from models_app.models import BaseModel
from models_app.registering import register
from runs_app.models import Status
from tests.training_jobs.cast import form_values, launch_url, preview_url, shaped_split
from tests.world import World, run_to_end
from training_jobs.models import TrainingJob


@pytest.fixture
def teacher(world: World, tmp_path: Path) -> BaseModel:
    shutil.copytree(world.base_model.path, tmp_path / "teacher")
    return register(tmp_path / "teacher", name="Teacher")


@pytest.mark.parametrize(("shape", "method"), [("preference", "dpo"), ("kto", "kto"), ("text", "cpt")])
def test_it_chooses_the_method_that_the_rows_are_made_for_and_launches_it(
    world: World, shape: str, method: str
) -> None:
    shaped_split(world, shape)
    client = world.client("member")
    sent = form_values(client.get(launch_url(world)))
    assert sent["method"] == method
    assert client.post(launch_url(world), sent | {"run_length": "steps", "max_steps": "2"}).status_code == 302
    job = TrainingJob.objects.get()
    assert (job.method, TrainingSpec.from_json(job.spec).method) == (method, method)


def test_it_trains_with_preferences_to_the_end_from_the_form(world: World) -> None:
    shaped_split(world, "preference")
    client = world.client("member")
    sent = form_values(client.get(launch_url(world)))
    sent |= {
        "run_length": "steps",
        "max_steps": "4",
        "logging_steps": "2",
        "eval_steps": "2",
        "adapter__lora_rank": "2",
    }
    client.post(launch_url(world), sent)
    run = run_to_end(TrainingJob.objects.get().run)
    assert (run.status, run.reason_text) == (Status.SUCCEEDED, "")
    measured = [event.data for event in run.events.filter(kind="metric")]
    assert any("reward_margin" in data for data in measured)
    assert any("eval_reward_margin" in data for data in measured)


def test_it_is_not_ready_when_rows_do_not_fit_the_method_and_names_those_that_do(world: World) -> None:
    shaped_split(world, "messages")
    client = world.client()
    sent = form_values(client.get(launch_url(world)))
    assert sent["method"] == "sft"
    page = client.post(preview_url(world), sent | {"method": "dpo"}).content.decode()
    assert "preview-not-ready" in page
    reason = page.split('<ul class="reasons">')[1].split("</ul>")[0]
    assert "the data holds 26" in reason
    assert "These rows go with: Supervised fine-tuning (SFT); Distillation." in reason
    assert client.post(launch_url(world), sent | {"method": "dpo"}).status_code == 400
    assert not TrainingJob.objects.exists()


def test_it_asks_for_a_teacher_and_takes_it_into_the_spec(world: World, teacher: BaseModel) -> None:
    shaped_split(world, "messages")
    client = world.client("member")
    sent = form_values(client.get(launch_url(world)))
    assert "teacher" not in sent
    response = client.post(launch_url(world), sent | {"method": "distillation"})
    assert "Teacher" in response.content.decode()
    second = form_values(response)
    assert second["teacher"] == ""
    assert "preview-not-ready" in client.post(preview_url(world), second).content.decode()
    refused = client.post(launch_url(world), second)
    assert refused.status_code == 400 and 'id="id_teacher_error"' in refused.content.decode()

    assert client.post(launch_url(world), second | {"teacher": str(teacher.pk)}).status_code == 302
    spec = TrainingSpec.from_json(TrainingJob.objects.get().spec)
    assert spec.teacher is not None
    assert (spec.teacher.path, spec.teacher.name) == (str(teacher.path), "Teacher")


def test_it_keeps_the_teacher_of_the_run_it_begins_like(world: World, teacher: BaseModel) -> None:
    shaped_split(world, "messages")
    client = world.client("member")
    sent = form_values(client.get(launch_url(world))) | {"method": "distillation"}
    second = form_values(client.post(launch_url(world), sent))
    client.post(launch_url(world), second | {"teacher": str(teacher.pk), "method__alpha": "0.25"})
    again = form_values(client.get(launch_url(world), {"from": TrainingJob.objects.get().pk}))
    assert (again["method"], again["teacher"], again["method__alpha"]) == ("distillation", str(teacher.pk), "0.25")
    assert client.post(launch_url(world), again).status_code == 302
    assert TrainingJob.objects.count() == 2


def test_it_keeps_the_teacher_when_the_adapter_changes(world: World, teacher: BaseModel) -> None:
    shaped_split(world, "messages")
    client = world.client("member")
    sent = form_values(client.get(launch_url(world))) | {"method": "distillation"}
    second = form_values(client.post(launch_url(world), sent)) | {"teacher": str(teacher.pk)}
    assert form_values(client.post(launch_url(world), second | {"adapter": "ia3"}))["teacher"] == str(teacher.pk)


def kinds_of(page: str, name: str) -> list[str]:
    """The radio buttons of a choice, in their order; those behind a closed fold follow a "…"."""
    fieldset = next(part for part in page.split("<fieldset")[1:] if f'name="{name}"' in part).split("</fieldset>")[0]
    found = re.findall(r'<details class="more"( open)?>|value="(\w+)"', fieldset)
    return [key or ("open" if opened else "…") for opened, key in found]


def test_it_puts_methods_made_for_the_rows_first_and_folds_the_others(world: World) -> None:
    shaped_split(world, "preference")
    page = world.client().get(launch_url(world)).content.decode()
    assert kinds_of(page, "method") == ["dpo", "orpo", "kto", "sft", "…", "cpt", "distillation"]
    assert kinds_of(page, "adapter")[:4] == ["lora", "qlora", "full", "…"]
    assert set(kinds_of(page, "adapter")) == {*ADAPTERS, "…"}


def test_it_opens_the_fold_that_holds_what_is_chosen(world: World) -> None:
    shaped_split(world, "preference")
    client = world.client()
    sent = form_values(client.get(launch_url(world))) | {"method": "cpt", "adapter": "ia3"}
    answer = client.post(preview_url(world), sent).content.decode()
    assert 'id="kinds" hx-swap-oob="true"' in answer
    assert "open" in kinds_of(answer, "method") and "open" in kinds_of(answer, "adapter")


def test_it_greys_an_adapter_that_does_not_go_with_the_method_and_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = dataclasses.replace(ADAPTERS["qlora"], refuses={"sft": "four bits are too few <b>here</b>."})
    monkeypatch.setitem(ADAPTERS, "qlora", refusing)
    world.split()
    client = world.client()
    page = client.get(launch_url(world)).content.decode()
    radio = page.split('value="qlora"')[1].split("</label>")[0]
    assert "disabled" in radio.split(">")[0]
    assert "Not with this method: four bits are too few &lt;b&gt;here" in radio
    # Chosen all the same, it is sent and refused with the reason, and stays chosen.
    refused = client.post(launch_url(world), form_values(client.get(launch_url(world))) | {"adapter": "qlora"})
    text = refused.content.decode()
    assert refused.status_code == 400 and form_values(refused)["adapter"] == "qlora"
    assert "four bits are too few" in text.split('id="id_adapter_error"')[1].split("</div>")[0]


def field_of(page: str, name: str) -> str:
    """The markup of one setting, up to the end of its help."""
    return page.split(f' name="{name}"')[1].split("</p>")[0]


def test_it_fixes_what_does_not_combine_and_says_why(world: World) -> None:
    world.split()
    client = world.client("member")
    sent = form_values(client.get(launch_url(world))) | {"packing": "on", "gradient_checkpointing": "on"}
    page = client.post(launch_url(world), sent | {"adapter": "prefix_tuning"})
    text = page.content.decode()
    packing, checkpointing = field_of(text, "packing"), field_of(text, "gradient_checkpointing")
    assert "disabled" in packing and "checked" not in packing and "Not with Prefix tuning: packed rows" in packing
    assert 'value="auto"' in checkpointing and 'value="on"' not in checkpointing
    assert "cache of keys and values" in checkpointing
    # Sent all the same, it is refused beside the field.
    refused = client.post(launch_url(world), form_values(page) | {"gradient_checkpointing": "on"})
    assert refused.status_code == 400
    assert (
        "cache of keys" in refused.content.decode().split('id="id_gradient_checkpointing_error"')[1].split("</div>")[0]
    )
    assert client.post(launch_url(world), form_values(page) | {"gradient_checkpointing": "auto"}).status_code == 302
    assert TrainingJob.objects.get().spec["training"]["packing"] is False


def test_it_fixes_what_a_method_settles_and_gives_it_back_with_another(world: World) -> None:
    shaped_split(world, "preference")
    client = world.client("member")
    first = client.get(launch_url(world))
    answers = field_of(first.content.decode(), "train_on_answers_only")
    assert "disabled" in answers and "checked" in answers and "prompts are never trained" in answers
    back = form_values(client.post(launch_url(world), form_values(first) | {"method": "sft"}))
    assert back["train_on_answers_only"] == "on"


def test_it_greys_adapters_too_small_for_raw_text(world: World) -> None:
    shaped_split(world, "text")
    page = world.client().get(launch_url(world)).content.decode()
    for key in ("prompt_tuning", "prefix_tuning", "ia3"):
        assert "disabled" in page.split(f'value="{key}"')[1].split(">")[0]
    assert "Not with this method: it steers what the model already knows" in page
