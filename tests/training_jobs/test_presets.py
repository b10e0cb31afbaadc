"""Presets: kept from the form or an Axolotl file, loaded, copied, taken out; and what a run can be taken out as."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.urls import reverse

from tests.training_jobs.cast import form_values, launch_url
from tests.world import World
from training_jobs.models import Preset, TrainingJob


def at(world: World, name: str, *args: int) -> str:
    return reverse(name, args=[world.project.pk, *args])


def kept(world: World, **changed: Any) -> Preset:
    client = world.client("member")
    sent = form_values(client.get(launch_url(world))) | {"preset_name": "mine", **changed}
    assert client.post(at(world, "preset_save"), sent).status_code == 302
    return Preset.objects.get(name=sent["preset_name"])


def test_it_keeps_the_settings_of_the_form_and_loads_them_again(world: World) -> None:
    world.split()
    preset = kept(world, learning_rate="0.0007", adapter__lora_rank="4", weight_decay="0.25")
    client = world.client("member")
    page = client.get(launch_url(world), {"preset": preset.pk})
    again = form_values(page)
    assert (again["learning_rate"], again["adapter__lora_rank"], again["weight_decay"]) == ("0.0007", "4", "0.25")
    assert "3 settings differ from the defaults" in page.content.decode()
    assert client.post(launch_url(world), again).status_code == 302
    assert TrainingJob.objects.get().spec["training"]["learning_rate"] == 0.0007


def test_a_preset_of_the_same_name_is_replaced(world: World) -> None:
    world.split()
    kept(world, seed="1")
    assert kept(world, seed="2").values["training"]["seed"] == 2
    assert Preset.objects.count() == 1


@pytest.mark.parametrize("changed", [{"preset_name": " "}, {"learning_rate": "quick"}])
def test_it_keeps_nothing_that_cannot_be_used(world: World, changed: dict[str, str]) -> None:
    world.split()
    client = world.client("member")
    sent = form_values(client.get(launch_url(world))) | {"preset_name": "mine"} | changed
    answer = client.post(at(world, "preset_save"), sent | {"weight_decay": "0.125"})
    assert answer.status_code == 400 and form_values(answer)["weight_decay"] == "0.125"
    assert "Nothing was kept." in answer.content.decode() and not Preset.objects.exists()


def test_it_copies_and_deletes(world: World) -> None:
    world.split()
    preset = kept(world)
    client = world.client("member")
    for _ in range(2):
        client.post(at(world, "preset_copy", preset.pk))
    assert list(Preset.objects.values_list("name", flat=True)) == ["mine", "mine copy", "mine copy 2"]
    client.post(at(world, "preset_delete", preset.pk))
    assert Preset.objects.count() == 2


def test_it_reads_an_axolotl_file_and_lists_what_has_no_place(world: World) -> None:
    text = "adapter: qlora\nlora_r: 8\nlearning_rate: 3e-4\nflash_attention: true\nwandb_project: <b>x</b>\n"
    client = world.client("member")
    assert client.post(at(world, "presets"), {"name": "theirs", "text": text}).status_code == 302
    page = client.get(at(world, "presets")).content.decode()
    assert "2 lines without a place here" in page and "flash_attention: True" in page
    assert "<b>x</b>" not in page and "&lt;b&gt;x&lt;/b&gt;" in page
    world.split()
    values = form_values(client.get(launch_url(world), {"preset": Preset.objects.get().pk}))
    assert (values["adapter"], values["adapter__lora_rank"], values["learning_rate"]) == ("qlora", "8", "0.0003")
    # What the file does not say is as suggested for the data.
    assert values["cutoff_len"] == form_values(client.get(launch_url(world)))["cutoff_len"]


def test_a_file_that_is_no_configuration_is_refused_and_kept_in_view(world: World) -> None:
    answer = world.client("member").post(at(world, "presets"), {"name": "x", "text": "a: &b 1\nc: *b"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "YAML aliases" in page and "c: *b" in page


def test_presets_and_runs_go_out_as_yaml_and_script(world: World) -> None:
    world.split()
    preset = kept(world, adapter__lora_rank="4")
    client = world.client("member")
    client.post(launch_url(world), form_values(client.get(launch_url(world), {"preset": preset.pk})))
    job = TrainingJob.objects.get()
    for url in (at(world, "preset_yaml", preset.pk), at(world, "training_yaml", job.pk)):
        answer = world.client("reader").get(url)
        assert answer["Content-Disposition"].startswith("attachment") and answer["Content-Disposition"].endswith(
            '.yaml"'
        )
        assert yaml.safe_load(answer.content)["lora_r"] == 4
    script = world.client("reader").get(at(world, "training_script", job.pk)).content.decode()
    compile(script, "train.py", "exec")
    assert str(world.base_model.path) not in script and world.project.system_prompt in script
    page = world.client("reader").get(job.get_absolute_url()).content.decode()
    assert at(world, "training_yaml", job.pk) in page and at(world, "training_script", job.pk) in page
    job.spec["adapter"] = "bottleneck"
    job.spec["adapter_options"] = {}
    job.save(update_fields=["spec"])
    page = world.client("reader").get(at(world, "training_script", job.pk), follow=True).content.decode()
    assert "Bottleneck adapters has no plain trl script" in page


def test_presets_of_another_project_are_out_of_reach(world: World) -> None:
    world.split()
    preset = kept(world)
    assert world.client("stranger").get(at(world, "preset_yaml", preset.pk)).status_code == 404
    assert world.client("reader").post(at(world, "preset_delete", preset.pk)).status_code == 403
