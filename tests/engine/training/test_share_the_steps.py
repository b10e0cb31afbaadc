"""Several processes train one model: the same losses as one process with the same effective batch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.control import ask
from tests.engine.training.conftest import Finished, Prepare, read_run
from tests.home import ROOT

ONE = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "eval_steps": 4, "max_steps": 8}
TWO = {**ONE, "per_device_train_batch_size": 2, "num_processes": 2}


def start(folder: Path) -> subprocess.Popen[bytes]:
    """The processes of a run know each other for as long as they live, so each run has its own."""
    with (folder / "console.log").open("ab") as console:
        command = [sys.executable, "-m", "engine", "train", str(folder)]
        return subprocess.Popen(command, cwd=ROOT, stdout=console, stderr=console)


def finish(folder: Path) -> Finished:
    return read_run(start(folder).wait(), folder)


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one(prepare: Prepare) -> None:
    one, two = finish(prepare("one", training=ONE)), finish(prepare("two", training=TWO))
    assert (one.code, two.code) == (0, 0)
    assert two.losses == pytest.approx(one.losses, abs=1e-5) and len(two.losses) == 8
    assert two.eval_losses == pytest.approx(one.eval_losses, abs=1e-5)
    assert two.of("done")[0]["tokens"] == one.of("done")[0]["tokens"]
    assert [event["seq"] for event in two.events] == list(range(1, len(two.events) + 1))


@pytest.mark.slow
def test_torchrun_starts_it_as_well(prepare: Prepare) -> None:
    folder = prepare(training={**TWO, "max_steps": 2})
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "0"]
    command += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0"]
    done = subprocess.run([*command, "-m", "engine", "train", str(folder)], cwd=ROOT, capture_output=True, check=False)
    run = read_run(done.returncode, folder)
    assert run.code == 0 and len(run.losses) == 2, done.stderr[-2000:]
    assert run.of("done")[0]["tokens"] > 0


@pytest.mark.slow
def test_two_processes_resume_exactly(prepare: Prepare) -> None:
    longer = {**TWO, "max_steps": 30, "eval_steps": 30}
    dropout: dict[str, Any] = {"adapter_options": {"lora_dropout": 0.2}}
    whole = finish(prepare("whole", training=longer, **dropout))
    folder = prepare("parts", training=longer, **dropout)
    job = start(folder)
    wait_for_step(folder, 3)
    ask(folder, "save")
    assert job.wait() == 3
    ask(folder, "")
    resumed = finish(folder)
    assert resumed.code == 0 and resumed.of("status", phase="resumed")
    assert resumed.losses == pytest.approx(whole.losses, abs=1e-6)


@pytest.mark.slow
def test_a_run_ends_with_a_reason_when_one_of_its_processes_is_killed(prepare: Prepare) -> None:
    folder = prepare(training={**TWO, "max_steps": 100_000, "eval_steps": 100_000})
    job = start(folder)
    wait_for_step(folder, 2)
    followers = psutil.Process(job.pid).children()
    assert len(followers) == 1
    os.kill(followers[0].pid, signal.SIGKILL)
    run = read_run(job.wait(60), folder)
    error = run.of("error")[0]
    assert run.code == 1 and error["reason"] == "Lost" and "Process 2 of 2 ended by itself" in error["text"]


@pytest.mark.slow
def test_no_process_is_left_when_the_first_is_killed(prepare: Prepare) -> None:
    folder = prepare(training={**TWO, "max_steps": 100_000, "eval_steps": 100_000})
    job = start(folder)
    wait_for_step(folder, 1)
    followers = psutil.Process(job.pid).children()
    job.kill()
    job.wait()
    _, alive = psutil.wait_procs(followers, timeout=20)
    assert alive == []


def wait_for_step(folder: Path, step: int) -> None:
    until = time.monotonic() + 120
    while not any(event["step"] >= step for event in read_run(0, folder).of("progress")):
        assert time.monotonic() < until, (folder / "console.log").read_text()[-2000:]
        time.sleep(0.05)
