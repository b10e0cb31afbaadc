"""``python -m engine export-model RUN_DIR``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from engine.job import run_job

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch starts
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def export_main(argv: list[str]) -> int:
    """Exit code 0 exported, 3 stopped, else failed after an error event."""
    parser = argparse.ArgumentParser(
        prog="python -m engine export-model", description="Export as RUN_DIR/spec.json says."
    )
    parser.add_argument("run_dir", type=Path)
    run_dir = parser.parse_args(argv).run_dir.resolve()
    if not run_dir.is_dir():
        parser.error(f"{run_dir} is not a directory")
    from engine.export.job import export

    return run_job(run_dir, export)
