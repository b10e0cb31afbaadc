"""Ending the workbench while a job runs: the job saves, nothing is left running, and the next start goes on with it."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.home import ROOT
from tests.launcher.conftest import PATIENCE_S, Started, none_left, wait_for


@pytest.mark.slow
def test_it_saves_a_running_training_at_the_end_and_resumes_it_at_the_next_start(
    start: Callable[..., Started], home: Path, tiny_model: Path
) -> None:
    workbench = start()
    workbench.until_open()
    run = queue_training(workbench, tiny_model)
    wait_for("some steps", lambda: facts(home, run)["step"] > 0)
    jobs = processes_of(home)
    assert [each for each in jobs if "supervise" in each.cmdline()]
    assert [each for each in jobs if "engine" in each.cmdline()]

    workbench.process.send_signal(signal.SIGINT)
    assert workbench.process.wait(PATIENCE_S) == 0
    assert none_left(jobs)
    assert processes_of(home) == []
    saved = facts(home, run)
    assert saved["status"] == "queued", workbench.output
    assert (home / "runs" / str(run) / "checkpoints").is_dir()

    again = start(workbench.port)
    again.until_open()
    wait_for("more steps", lambda: facts(home, run)["step"] > saved["step"])
    assert facts(home, run)["attempt"] > saved["attempt"]


def queue_training(workbench: Started, model: Path) -> int:
    told = subprocess.run(
        [sys.executable, "-m", "tests.launcher.queue_training", str(model)],
        cwd=ROOT,
        env=workbench.env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(told.stdout)


def facts(home: Path, run: int) -> sqlite3.Row:
    with contextlib.closing(sqlite3.connect(home / "db.sqlite3", timeout=20)) as database:
        database.row_factory = sqlite3.Row
        row: sqlite3.Row = database.execute("SELECT * FROM runs_app_run WHERE id = ?", [run]).fetchone()
    return row


def processes_of(home: Path) -> list[psutil.Process]:
    """Every process that was started for this home folder, wherever it hangs in the tree by now."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if each.environ().get("WORKBENCH_HOME") == str(home) and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
    return found
