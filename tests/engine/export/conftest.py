"""Checkpoints of the tiny model by the real training command, and exports of them by the real export command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.__main__ import main
from tests.engine.training.conftest import make_rows, write_rows


@pytest.fixture(scope="session")
def tiny_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with two merges in its tokenizer: one that merges nothing has no place in a GGUF file."""
    folder = tmp_path_factory.mktemp("models") / "tiny-merging"
    shutil.copytree(tiny_model, folder)
    document = json.loads((folder / "tokenizer.json").read_text())
    for pair in (["t", "h"], ["Ġ", "th"]):
        document["model"]["vocab"]["".join(pair)] = len(document["model"]["vocab"])
        document["model"]["merges"].append(pair)
    (folder / "tokenizer.json").write_text(json.dumps(document))
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(document["model"]["vocab"]) + 3, mean_resizing=False)
    model.save_pretrained(folder)
    return folder


Trained = Callable[..., Path]
Export = Callable[..., Path]


@pytest.fixture(scope="session")
def trained(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """``trained("lora")``: the last checkpoint of a few steps with that adapter; made once a session each."""
    home = tmp_path_factory.mktemp("trained")
    write_rows(home / "train.jsonl", make_rows(32, 1))
    made: dict[str, Path] = {}

    def checkpoint(adapter: str, **options: Any) -> Path:
        key = f"{adapter}{json.dumps(options, sort_keys=True)}"
        if key not in made:
            folder = home / f"run-{len(made)}"
            folder.mkdir()
            training = {
                "learning_rate": 5e-2, "max_steps": 4, "per_device_train_batch_size": 8, "cutoff_len": 128,
                "gradient_accumulation_steps": 1, "precision": "fp32", "eval_steps": 4, "save_steps": 4,
            }  # fmt: skip
            spec = {
                "model": {"path": str(tiny_model), "name": "Tiny"}, "data": {"train": str(home / "train.jsonl")},
                "adapter": adapter, "adapter_options": options, "training": training, "probes": {"suites": []},
            }  # fmt: skip
            (folder / "spec.json").write_text(json.dumps(spec))
            assert main(["train", str(folder)]) == 0, (folder / "events.jsonl").read_text()[-2000:]
            made[key] = folder / "checkpoints" / "step-4"
        return made[key]

    return checkpoint


@pytest.fixture
def export(tiny_model: Path, tmp_path: Path) -> Export:
    """Runs the command on a spec, and returns the run directory; ``code`` is what it must end with."""
    write_rows(tmp_path / "rows.jsonl", make_rows(6, 9))

    def run(checkpoint: Path, adapter: str, form: str, code: int = 0, name: str = "run", **changed: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        spec = {
            "schema_version": 1, "kind": "export", "model": {"path": str(tiny_model), "name": "Tiny"},
            "checkpoint": str(checkpoint), "adapter": adapter, "form": form, "name": "First try", "limit": 4,
            "data": {"rows": str(tmp_path / "rows.jsonl"), "system_prompt": "Answer with JSON only."},
            "card": {"name": "First try", "licence": "Apache-2.0"}, **changed,
        }  # fmt: skip
        (folder / "spec.json").write_text(json.dumps(spec))
        assert main(["export-model", str(folder)]) == code, (folder / "events.jsonl").read_text()[-2000:]
        return folder

    return run


def result_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found
