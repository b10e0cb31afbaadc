"""Accuracy by log-likelihood is what lm-evaluation-harness finds: the same rows, the same model, row by row.

The harness is no dependency: what it found is recorded (`python -m benchmarks.choices record`), numbers only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import choices
from engine.evaluation.cli import score_main

NEAR = 2e-3
"""Nats: two ways to add up the same in fp32, over sums of up to hundreds."""


def scored(task: str, count: int, model: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    file = folder / f"{task}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in choices.questions(task, count)), encoding="utf-8")
    assert score_main([str(file), "--model", str(model), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def compare(task: str, found: Any, recorded: list[list[float]]) -> None:
    """Log-likelihoods, picks and both accuracies. Where the harness's own two best are as near as rounding (5 of the
    1,680 recorded rows) either may be picked, and only there."""
    rows = choices.questions(task, len(recorded))
    near = dict.fromkeys(("choice", "choice_norm"), 0)
    right = dict.fromkeys(near, 0)
    for row, ours, theirs in zip(rows, found["rows"], recorded, strict=True):
        assert ours["log_likelihoods"] == pytest.approx(theirs, abs=NEAR, rel=1e-5), f"{task} line {ours['line']}"
        lengths = [len(choice) for choice in row["choices"]]
        for name, by in (("choice", [1] * len(lengths)), ("choice_norm", lengths)):
            totals = [total / size for total, size in zip(theirs, by, strict=True)]
            best, second = sorted(totals, reverse=True)[:2]
            tie = best - second < 2 * NEAR / min(by)
            assert ours[name] == totals.index(best) or tie, f"{task} line {ours['line']}: {totals}"
            near[name] += tie
            right[name] += totals.index(best) == row["gold"]
    for name, accuracy in (("choice", found["acc"]), ("choice_norm", found["acc_norm"])):
        assert abs(round(accuracy * len(rows)) - right[name]) <= near[name]


@pytest.mark.parametrize("task", choices.TASKS)
def test_it_finds_what_the_harness_finds(
    task: str, starter_model: Path, public_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = json.loads(choices.FIXTURE.read_text(encoding="utf-8"))["tasks"][task]["rows"][:16]
    compare(task, scored(task, len(recorded), starter_model, tmp_path, capsys), recorded)


@pytest.mark.slow
@pytest.mark.parametrize("task", choices.TASKS)
def test_it_finds_what_the_harness_finds_on_every_row_recorded(
    task: str, starter_model: Path, public_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = json.loads(choices.FIXTURE.read_text(encoding="utf-8"))["tasks"][task]
    found = scored(task, len(recorded["rows"]), starter_model, tmp_path, capsys)
    compare(task, found, recorded["rows"])
