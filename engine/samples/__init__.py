"""Sample projects that a newcomer can try: one folder each, with data, metadata and the generator that wrote them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError

SAMPLES = ("support_tickets",)
GENERAL_ROWS = Path(__file__).parent / "general_rows" / "rows.jsonl"
"""Chat rows of common knowledge and small tasks, to be replayed among training rows."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Where a sample's files are, and what a project made from it starts with."""

    name: str
    project_name: str
    purpose: str
    task_type: str
    """classification, extraction, text or chat"""
    system_prompt: str
    """The baseline prompt: what a person would write who has no tuned model."""
    train_file: Path
    test_file: Path
    planted: dict[str, Any]
    """What was planted where in each file (lines count from 1), under the audit's finding codes; for tests."""


def load(name: str) -> Sample:
    """Find a sample by its name in `SAMPLES`.

    Raises EngineError (Config) for a name that is not there.
    """
    if name not in SAMPLES:
        raise EngineError("Config", f"There is no sample named {name!r}.", f"Choose one of: {', '.join(SAMPLES)}.")
    directory = Path(__file__).parent / name
    metadata = json.loads((directory / "sample.json").read_text(encoding="utf-8"))
    return Sample(
        name=name,
        project_name=metadata["project_name"],
        purpose=metadata["purpose"],
        task_type=metadata["task_type"],
        system_prompt=metadata["system_prompt"],
        train_file=directory / metadata["train_file"],
        test_file=directory / metadata["test_file"],
        planted=metadata["planted"],
    )
