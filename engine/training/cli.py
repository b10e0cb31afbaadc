"""``python -m engine train RUN_DIR``."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any, NoReturn

from engine.control import Control
from engine.errors import EngineError
from engine.events import EventWriter
from engine.job import FAILED, run_job
from engine.training import ranks
from engine.training.spec import TrainingSpec

# Set before torch is imported. Threads that spin while they wait turn a busy neighbour's 2 s into our 10; nothing is
# fetched and nothing reported to anyone.
_ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def train_main(argv: list[str]) -> int:
    """Exit code 0 succeeded, 3 stopped (with a checkpoint, if a step was done), else failed after an error event."""
    parser = argparse.ArgumentParser(prog="python -m engine train", description="Train as RUN_DIR/spec.json says.")
    parser.add_argument("run_dir", type=Path)
    run_dir = parser.parse_args(argv).run_dir.resolve()
    if not run_dir.is_dir():
        parser.error(f"{run_dir} is not a directory")
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if ranks.rank():
        return _follow(run_dir)
    return run_job(run_dir, _run)


def _run(spec: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    events.emit("status", phase="starting", text="Starting: the training libraries take some seconds to load")
    processes = TrainingSpec.from_json(spec).training.num_processes
    if processes == 1:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")  # one process trains on one card

    def give_up(error: EngineError) -> NoReturn:
        events.emit("error", reason=error.reason, text=error.text, remedy=error.remedy)
        os._exit(FAILED)

    with ranks.followed(run_dir, processes, give_up):
        from engine.training.job import run  # seconds of imports: after the first event, so that the page can say so

        return run(spec, events, control, run_dir)


def _follow(run_dir: Path) -> int:
    """One of several processes of a run, but not the one that speaks for it."""
    from engine.training.job import follow

    return follow(json.loads((run_dir / "spec.json").read_text(encoding="utf-8")), run_dir)
