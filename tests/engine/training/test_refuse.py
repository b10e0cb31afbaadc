"""What cannot be trained ends with one error event that carries the reason and the remedy."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from safetensors.torch import load_file, save_file

from engine.errors import EngineError
from engine.training.reporting import Reporter
from engine.training.spec import TrainingSpec
from tests.engine.training.conftest import Finished, Train, write_rows


def error_of(run: Finished) -> dict[str, str]:
    assert run.code == 1
    errors = run.of("error")
    assert len(errors) == 1 and errors[0] is run.events[-1]
    return errors[0]


def test_it_names_the_option_that_is_wrong(train: Train) -> None:
    error = error_of(train(training={"learning_rate": 7}))
    assert error["reason"] == "Config"
    assert "training.learning_rate" in error["text"]
    assert "to 1" in error["remedy"]


def test_it_names_the_line_of_a_row_it_cannot_train_on(train: Train, tmp_path: Path) -> None:
    rows = [{"prompt": "a", "completion": "b"}, {"prompt": "a", "completion": "b", "label": True}]
    error = error_of(train(data={"train": str(write_rows(tmp_path / "kto.jsonl", rows))}))
    assert error["reason"] == "Data"
    assert "Line 2" in error["text"] and "kto" in error["text"]


def test_it_says_when_no_row_has_a_trained_token_left(train: Train) -> None:
    error = error_of(train(training={"cutoff_len": 8}))
    assert error["reason"] == "Data"
    assert "cutoff" in error["remedy"]


def test_it_says_when_the_data_or_the_model_is_gone(train: Train, tmp_path: Path) -> None:
    assert error_of(train("one", data={"train": str(tmp_path / "gone.jsonl")}))["reason"] == "Data"
    assert error_of(train("two", model={"path": str(tmp_path / "gone")}))["reason"] == "Model"


def test_it_refuses_weights_that_are_not_safetensors(train: Train, tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "pickled"
    shutil.copytree(tiny_model, model, ignore=shutil.ignore_patterns("*.safetensors"))
    (model / "pytorch_model.bin").write_bytes(b"anything")
    error = error_of(train(model={"path": str(model)}))
    assert error["reason"] == "Model"
    assert "safetensors" in error["text"]


def test_it_says_when_the_base_model_is_broken_before_any_step(train: Train, tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "broken"
    shutil.copytree(tiny_model, model)
    weights = load_file(model / "model.safetensors")
    weights["model.norm.weight"][:] = float("nan")
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    error = error_of(train(model={"path": str(model)}))
    assert error["reason"] == "Model"
    assert "before any step" in error["text"]


@pytest.mark.parametrize("logs", [{"loss": float("nan")}, {"loss": 1.0, "grad_norm": float("inf")}])
def test_it_ends_a_run_whose_loss_is_no_number(logs: dict[str, float]) -> None:
    reporter = Reporter.__new__(Reporter)
    reporter.options = TrainingSpec.from_json({"model": {"path": "m"}, "data": {"train": "d"}}).training
    with pytest.raises(EngineError) as caught:
        reporter.on_log(None, SimpleNamespace(global_step=7), None, logs=logs)
    assert caught.value.reason == "Config"
    assert "step 7" in caught.value.text and "2e-05" in caught.value.remedy
