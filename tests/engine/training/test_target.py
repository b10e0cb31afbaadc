"""How well the task is done while a run trains, in which form it answers, and a checkpoint chosen by that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.training.conftest import Train, write_rows

LEARNS = {"learning_rate": 0.03, "max_steps": 48, "eval_steps": 24, "early_stopping_patience": 0, "warmup_ratio": 0.1}


@pytest.fixture
def labels(tmp_path: Path) -> dict[str, str]:
    """Rows whose answer is one of two words, which a tiny model learns to write."""
    rows = [
        {"messages": [{"role": "user", "content": f"{word} {n}"}, {"role": "assistant", "content": word}]}
        for n in range(24)
        for word in ("no", "yes")
    ]
    train, validation = tmp_path / "labels.jsonl", tmp_path / "held-out.jsonl"
    write_rows(train, rows[:40])
    write_rows(validation, rows[40:])
    return {"train": str(train), "validation": str(validation), "task_type": "classification"}


def test_it_answers_validation_rows_at_step_0_and_each_evaluation(train: Train, labels: dict[str, str]) -> None:
    run = train(data=labels, adapter="full", training={**LEARNS, "task_metric": "auto", "choose_by": "task_score"})
    measured = [event for event in run.of("metric") if "task_score" in event]
    assert [event["step"] for event in measured] == [0, 24, 48]
    assert {event["task_metric"] for event in measured} == {"accuracy"}
    assert measured[0]["task_rows"] == 8
    assert measured[0]["task_score"] == 0.0 and measured[0]["format_rate"] == 0.0
    assert measured[-1]["task_score"] >= 0.5 and measured[-1]["format_rate"] >= 0.5
    told = run.of("log", code="task_rows")[0]
    assert told["rule"] == {"kind": "choice", "options": ["no", "yes"]} and len(told["row_ids"]) == 8
    done = run.of("done")[0]
    best = max(measured[1:], key=lambda event: (event["task_score"], -run.eval_losses[event["step"]]))
    assert done["recommended_step"] == best["step"] and "best task metric" in done["why"]
    saved = run.of("checkpoint", step=48)[0]["scores"]
    assert saved["task_score"] == measured[-1]["task_score"]


def test_it_trains_the_same_whether_the_task_is_measured_or_not(train: Train) -> None:
    plain = train("plain", training={"max_steps": 3, "eval_steps": 1})
    told = train("told", training={"max_steps": 3, "eval_steps": 1, "task_metric": "json_valid"})
    assert told.losses == plain.losses and told.eval_losses == plain.eval_losses
    assert [event["task_score"] for event in told.of("metric") if "task_score" in event] == [0.0] * 4
    assert told.of("log", code="task_rows")[0]["rule"] == {"kind": "json_object", "keys": ["colour", "thing"]}


def test_it_measures_nothing_where_rows_have_no_answers(train: Train, tmp_path: Path) -> None:
    rows = [{"text": f"The lamp of shelf {n} burns with oil."} for n in range(20)]
    files = {name: str(write_rows(tmp_path / f"{name}.jsonl", rows)) for name in ("train", "validation")}
    run = train(data=files, method="cpt", training={"max_steps": 2, "task_metric": "auto", "choose_by": "task_score"})
    assert run.code == 0
    assert not any("task_score" in event for event in run.of("metric"))
    assert "lowest validation loss" in run.of("done")[0]["why"]


def test_it_says_what_measuring_took(train: Train) -> None:
    run = train(training={"max_steps": 4, "eval_steps": 2, "task_metric": "exact_match"}, probes={"suites": ["code"]})
    told = run.of("log", code="measured")
    assert [event["step"] for event in told] == [2, 4]
    assert set(told[-1]["seconds"]) == {"validation", "task", "probes"}
    assert 0 < told[-1]["share"] < 1
    assert all(told[-1]["seconds"][name] >= told[0]["seconds"][name] for name in told[0]["seconds"])
    memory = json.loads((run.folder / "checkpoints" / "step-4" / "workbench.json").read_text())
    assert memory["measuring"].keys() == told[-1]["seconds"].keys()


def test_it_trains_the_same_in_half_precision_with_an_adapter_that_is_folded_to_measure(train: Train) -> None:
    half = {"max_steps": 4, "eval_steps": 1, "precision": "bf16"}
    plain = train("plain", training=half)
    told = train("told", training={**half, "task_metric": "json_valid"}, probes={"suites": ["safety"], "rows": 8})
    assert told.losses == plain.losses and told.eval_losses == plain.eval_losses
