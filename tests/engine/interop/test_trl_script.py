"""The exported trl script is plain Python that trains."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.table import ADAPTERS
from engine.data.examples import load
from engine.data.exports import trl
from engine.errors import EngineError
from engine.interop.trl_script import export
from engine.methods.table import METHODS, refusal
from engine.process import quiet_environment
from engine.training.spec import TrainingSpec
from tests.engine.training.conftest import Prepare
from tests.engine.training.conftest import prepare as prepare
from tests.engine.training.test_train_methods import prepared as prepared


def spec_in(folder: Path) -> TrainingSpec:
    return TrainingSpec.from_json(json.loads((folder / "spec.json").read_text()))


def written(spec: TrainingSpec, folder: Path) -> list[str]:
    """The script and its rows in a folder of their own, as a command line."""
    rows = [trl.row(item.example) for item in load(Path(spec.data.train))]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "train.py").write_text(export(spec))
    argv = [sys.executable, "train.py", "--model", spec.model.path, "--train", "rows.jsonl", "--max-steps", "2"]
    return [*argv, "--validation", "rows.jsonl", "--output", "out"]


RUNS = [
    ("sft", "lora", "adapter_model.safetensors"),
    pytest.param("sft", "full", "model.safetensors", marks=pytest.mark.slow),
    pytest.param("dpo", "qlora", "adapter_model.safetensors", marks=pytest.mark.slow),
    pytest.param("kto", "lora", "adapter_model.safetensors", marks=pytest.mark.slow),
    pytest.param("orpo", "lora", "adapter_model.safetensors", marks=pytest.mark.slow),
    pytest.param("cpt", "lora", "adapter_model.safetensors", marks=pytest.mark.slow),
    pytest.param("sft", "prompt_tuning", "adapter_model.safetensors", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("method", "adapter", "result"), RUNS)
def test_it_trains_two_steps(prepared: Prepare, tmp_path: Path, method: str, adapter: str, result: str) -> None:
    spec = spec_in(prepared("run", method, adapter, training={"precision": "fp32"}))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    ended = subprocess.run(
        written(spec, folder), cwd=folder, env=quiet_environment(), capture_output=True, text=True, timeout=280
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert (folder / "out" / result).is_file()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_it_is_python_or_says_why_there_is_none(method: str, adapter: str) -> None:
    if refusal(method, adapter):
        return
    document: dict[str, Any] = {
        "model": {"path": "/secret/m"},
        "data": {"train": "/secret/t", "system_prompt": 'Say """done""".\n{brace}'},
        "method": method,
        "adapter": adapter,
        "teacher": {"path": "t"},
    }
    spec = TrainingSpec.from_json(document)
    if method == "distillation" or adapter in ("partial", "hybrid", "bottleneck"):
        with pytest.raises(EngineError, match="no plain trl script"):
            export(spec)
        return
    text = export(spec)
    assert "/secret" not in text
    constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    assert spec.data.system_prompt in constants
