"""A small real job for the tests of supervision: counts steps, saves after each, resumes, and does as it is asked.

``python -m tests.counting_job RUN_DIR``; spec: ``{"steps": N, "pause": seconds, "fail": "at step", "die": "at step"}``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.errors import EngineError
from engine.events import EventWriter
from engine.job import STOPPED, SUCCEEDED, run_job


def count(spec: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    saved = run_dir / "saved"
    begin = int(saved.read_text()) if saved.exists() else 0
    events.emit("status", status="running", text=f"resumed from step {begin}" if begin else "counting")
    for step in range(begin + 1, int(spec["steps"]) + 1):
        time.sleep(float(spec.get("pause", 0)))
        events.emit("progress", step=step, total=spec["steps"], eta_s=1.0)
        events.emit("metric", step=step, loss=1.0 / step)
        if control.wanted() == "stop" and not spec.get("deaf"):
            return STOPPED
        saved.write_text(str(step))
        if control.wanted() == "save" and not spec.get("hold"):
            return STOPPED
        if step == spec.get("fail"):
            raise EngineError("Data", f"Line {step} has no answer.", "Repair the data.")
        if step == spec.get("die") and not (run_dir / "died").exists():
            (run_dir / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
    events.emit("done", steps=spec["steps"])
    return SUCCEEDED


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), count))
