"""A run obeys its supervisor: stop, and stop with a checkpoint."""

from __future__ import annotations

from engine.training.checkpoints import whole
from tests.engine.training.conftest import ControlAt, Prepare, train_folder

LONG = {"max_steps": 5000, "eval_steps": 5000}


def test_it_saves_and_exits_3_when_asked_to_save(prepare: Prepare) -> None:
    folder = prepare(training=LONG)
    with ControlAt(folder, "save", step=3):
        run = train_folder(folder)
    assert run.code == 3
    done = run.of("done")[0]
    assert done["ended"] == "save" and 3 <= done["step"] < 5000
    assert [path.name for path in whole(folder)] == [f"step-{done['step']}"]
    assert done["result"] == f"checkpoints/step-{done['step']}"
    assert run.of("checkpoint")[0]["final"] is False


def test_it_ends_at_once_without_a_checkpoint_when_asked_to_stop(prepare: Prepare) -> None:
    folder = prepare(training=LONG)
    with ControlAt(folder, "stop", step=3):
        run = train_folder(folder)
    assert run.code == 3
    assert run.of("done")[0]["ended"] == "stop"
    assert whole(folder) == []
    assert "no checkpoint" in run.of("status", phase="stopped")[0]["text"]
