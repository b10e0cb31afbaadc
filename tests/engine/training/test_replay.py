"""General rows replayed among the training rows: as many as asked for, told and recorded, and what they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.data.examples import load
from engine.samples import GENERAL_ROWS
from tests.engine.training.conftest import Prepare, Train, train_folder, write_rows


def data(tmp_path: Path, source: Path = GENERAL_ROWS) -> dict[str, Any]:
    files = {name: str(tmp_path / f"{name}.jsonl") for name in ("train", "validation")}
    return {**files, "replay": str(source), "replay_name": "general rows"}


def test_it_mixes_in_the_share_that_was_asked_for_and_records_which_rows(prepare: Prepare, tmp_path: Path) -> None:
    folder = prepare(data=data(tmp_path), training={"max_steps": 2, "replay_ratio": 0.2, "cutoff_len": 512})
    run = train_folder(folder)
    told = run.of("log", code="replay")[0]
    assert (told["rows"], told["share"], told["source"]) == (8, 0.2, "general rows")
    drawn = (folder / "rows" / "replayed.ids").read_text().split()
    known = {row.row_id for row in load(GENERAL_ROWS)}
    assert len(drawn) == 8 == len(set(drawn)) and set(drawn) <= known
    part = json.loads((folder / "environment.json").read_text())["data"]["parts"]["replay"]
    assert part["rows"] == len(known)


def test_it_replays_the_same_rows_again_and_others_with_another_seed(prepare: Prepare, tmp_path: Path) -> None:
    def drawn(name: str, seed: int) -> list[str]:
        train_folder(prepare(name, data=data(tmp_path), training={"max_steps": 1, "seed": seed, "cutoff_len": 512}))
        return (tmp_path / name / "rows" / "replayed.ids").read_text().split()

    assert drawn("one", 1) == drawn("again", 1) != drawn("other", 2)


def test_it_says_when_the_source_is_too_small(train: Train, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "few.jsonl", [{"prompt": "Hello", "completion": "Good day"}])
    run = train(data=data(tmp_path, source), training={"max_steps": 1, "replay_ratio": 0.5})
    assert run.of("log", code="replay")[0]["rows"] == 1
    assert "has 1 rows that fit where the ratio asks for 32" in run.of("warning", code="few_replay_rows")[0]["text"]


def test_it_refuses_rows_that_the_method_cannot_train(train: Train, tmp_path: Path) -> None:
    pairs = [{"prompt": f"Order {n}", "chosen": "A lamp.", "rejected": "No."} for n in range(24)]
    files = {name: str(write_rows(tmp_path / f"{name}.jsonl", pairs)) for name in ("train", "validation")}
    run = train(method="dpo", data=files | {"replay": str(GENERAL_ROWS), "replay_name": "general rows"})
    assert run.code == 1
    error = run.of("error")[0]
    assert error["reason"] == "Data" and "general rows" in error["text"]


def test_it_will_not_resume_with_other_replay_rows(prepare: Prepare, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "source.jsonl", [{"prompt": f"Say {n}", "completion": str(n)} for n in range(20)])
    folder = prepare(data=data(tmp_path, source), training={"max_steps": 2, "eval_steps": 1})
    assert train_folder(folder).code == 0
    write_rows(source, [{"prompt": "Say 1", "completion": "one"}])
    assert "replay data changed" in train_folder(folder).of("error")[-1]["text"]


def test_it_forgets_less_of_what_is_replayed(train: Train, tmp_path: Path, schooled_model: Path) -> None:
    """The schooled model knows the general passages by heart; replaying texts of their kind keeps them."""
    from engine.evaluation.suite_rows import load_suite

    texts = [{"text": row.text[:160]} for row in load_suite("general").passages]
    source = write_rows(tmp_path / "texts.jsonl", texts)
    steps = {"learning_rate": 5e-3, "max_steps": 8, "eval_steps": 8, "warmup_ratio": 0.0, "cutoff_len": 256}
    probes = {"suites": ["general"], "forgetting_limit": 0.5}
    shared = {"model": {"path": str(schooled_model)}, "adapter": "full", "probes": probes}
    plain = train("plain", training=steps, **shared)
    mixed = train("mixed", data=data(tmp_path, source), training=steps | {"replay_ratio": 0.5}, **shared)

    def forgotten(run: Any) -> float:
        return float(run.of("probe", step=8, measure="loss")[0]["change"])

    assert forgotten(plain) < -0.05
    assert forgotten(mixed) > 0.8 * forgotten(plain)


@pytest.mark.parametrize("replayed", [True, False])
def test_it_takes_the_fisher_diagonal_from_replay_rows_where_there_are_any(
    train: Train, tmp_path: Path, replayed: bool
) -> None:
    files = data(tmp_path) if replayed else {key: data(tmp_path)[key] for key in ("train", "validation")}
    run = train(data=files, training={"max_steps": 1, "ewc": 0.1, "replay_ratio": 0.0, "cutoff_len": 512})
    told = run.of("log", code="fisher")[0]
    assert told["source"] == ("replay rows" if replayed else "passages of the general suite")
    assert told["rows"] > 40
    assert ("flatters" in told["text"]) is not replayed
    assert (run.of("log", code="replay")[0]["rows"] == 0) if replayed else not run.of("log", code="replay")
