"""A run that was interrupted goes on where it was, and says so; it refuses when something changed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from engine.training.checkpoints import whole
from tests.engine.training.conftest import ControlAt, Prepare, make_rows, read_run, train_folder, write_rows
from tests.home import ROOT

STEPS = {"max_steps": 30, "eval_steps": 10}
DROPOUT = {"lora_dropout": 0.2}


def test_it_ends_as_an_uninterrupted_run_does(prepare: Prepare) -> None:
    whole_run = train_folder(prepare("whole", training=STEPS, adapter_options=DROPOUT))
    folder = prepare("parts", training=STEPS, adapter_options=DROPOUT)
    with ControlAt(folder, "save", step=3):
        stopped = train_folder(folder)
    at = stopped.of("done")[0]["step"]
    resumed = train_folder(folder)
    assert (stopped.code, resumed.code) == (3, 0)
    assert resumed.of("status", phase="resumed")[0]["step"] == at < 30
    assert [event["step"] for event in resumed.of("progress")] == list(range(1, 31))
    assert resumed.losses == pytest.approx(whole_run.losses, abs=1e-6)
    assert resumed.eval_losses == pytest.approx(whole_run.eval_losses, abs=1e-6)
    one, other = (
        load_file(path / "checkpoints" / "step-30" / "adapter_model.safetensors") for path in (whole_run.folder, folder)
    )
    assert all(one[name].equal(other[name]) for name in one)
    assert resumed.of("done")[-1]["tokens"] == whole_run.of("done")[0]["tokens"]


def test_it_goes_on_from_the_last_whole_checkpoint_after_a_kill(prepare: Prepare) -> None:
    folder = prepare(training={"max_steps": 4000, "eval_steps": 4000, "save_steps": 5})
    command = [sys.executable, "-m", "engine", "train", str(folder)]
    with (folder / "console.log").open("w") as console:
        child = subprocess.Popen(command, cwd=ROOT, stdout=console, stderr=console)
        until = time.monotonic() + 120
        while len(read_run(0, folder).of("checkpoint")) < 2 and child.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    (folder / "checkpoints" / "checkpoint-9999").mkdir()
    last = whole(folder)[-1]
    with ControlAt(folder, "save", step=int(last.name[5:]) + 1):
        run = train_folder(folder)
    assert run.code == 3
    assert run.of("status", phase="resumed")[-1]["text"] == f"Resumed from step {last.name[5:]}"
    assert [event["seq"] for event in run.events] == list(range(1, len(run.events) + 1))
    assert not (folder / "checkpoints" / "checkpoint-9999").exists()


def test_it_refuses_when_data_or_configuration_changed(prepare: Prepare, tmp_path: Path) -> None:
    folder = prepare(training={"max_steps": 2})
    assert train_folder(folder).code == 0
    spec = json.loads((folder / "spec.json").read_text())
    changed = {**spec, "training": {**spec["training"], "learning_rate": 5e-3}}
    (folder / "spec.json").write_text(json.dumps(changed))
    refused = train_folder(folder)
    assert (refused.code, refused.of("error")[-1]["reason"]) == (1, "Config")
    (folder / "spec.json").write_text(json.dumps(spec))
    write_rows(tmp_path / "train.jsonl", make_rows(32, 9))
    refused = train_folder(folder)
    assert (refused.code, refused.of("error")[-1]["reason"]) == (1, "Data")
    assert "training data changed" in refused.of("error")[-1]["text"]
