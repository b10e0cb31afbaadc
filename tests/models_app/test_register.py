"""Registering a folder as a base model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models_app.registering import NotAModel, count_parameters, register
from tests.world import World

pytestmark = pytest.mark.django_db


def test_it_counts_the_weights_from_the_files_alone(tiny_model: Path) -> None:
    from transformers import AutoModelForCausalLM

    expected = AutoModelForCausalLM.from_pretrained(tiny_model).num_parameters()
    assert count_parameters(tiny_model) == expected


def test_registering_twice_keeps_one_model(tiny_model: Path) -> None:
    assert register(tiny_model, name="Tiny").pk == register(tiny_model, name="Tiny").pk


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_it_says_what_is_missing(tiny_model: Path, tmp_path: Path, missing: str) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    (folder / missing).unlink()
    with pytest.raises(NotAModel, match=missing.rpartition(".")[2]):
        register(folder)


def test_a_pickle_is_never_opened(tiny_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(NotAModel, match="can run code"):
        register(folder)


def test_the_page_says_what_a_model_can_and_cannot_do(world: World) -> None:
    world.base_model.about = json.loads('{"can": ["Learn a narrow task."], "cannot": ["It gets facts wrong."]}')
    world.base_model.save(update_fields=["about"])
    page = world.client().get("/models/").content.decode()
    assert "Learn a narrow task." in page
    assert "It gets facts wrong." in page
