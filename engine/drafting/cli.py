"""The command ``draft`` of ``python -m engine``."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.job import run_job


def draft_main(argv: list[str]) -> int:
    """``draft RUN_DIR``: spec.json of kind draft → candidates.jsonl and result.json."""
    from engine.drafting.job import draft

    parser = argparse.ArgumentParser(prog="python -m engine draft")
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    return run_job(parser.parse_args(argv).run_dir, draft)
