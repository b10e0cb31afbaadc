"""Forgetting is measured from step 0 on, and said when it passes the limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.training.conftest import COLOURS, Train, write_rows


def test_it_scores_the_suites_before_step_1_and_at_each_evaluation(train: Train) -> None:
    run = train(probes={"suites": ["general"]}, training={"max_steps": 4, "eval_steps": 2})
    probes = run.of("probe")
    assert [(event["step"], event["measure"]) for event in probes] == [
        (step, measure) for step in (0, 2, 4) for measure in ("loss", "accuracy")
    ]
    start, end = run.of("probe", measure="loss")[0], run.of("probe", measure="loss")[-1]
    assert start["change"] == 0 and start["n"] == 32
    assert end["baseline"] == start["score"]
    assert end["change"] == pytest.approx((start["score"] - end["score"]) / start["score"])
    saved = run.of("checkpoint", step=4)[0]["scores"]
    assert saved["general/loss"] == end["score"]


def test_it_warns_past_the_limit_and_stops_there_when_asked(train: Train) -> None:
    run = train(
        probes={"suites": ["general"], "forgetting_limit": 0.02},
        adapter="full",
        training={"learning_rate": 0.5, "max_steps": 20, "eval_steps": 2, "stop_on_forgetting": True},
    )
    warning = run.of("warning", code="forgetting")[0]
    assert warning["change"] <= -0.02
    done = run.of("done")[0]
    assert (run.code, done["ended"]) == (0, "forgetting")
    assert done["step"] == warning["step"] < 20
    assert run.of("checkpoint", step=done["step"], final=True)


def test_it_refuses_a_suite_that_is_not_there(train: Train) -> None:
    run = train(probes={"suites": ["nowhere"]})
    assert run.code == 1
    assert run.of("error")[0]["reason"] == "Config"


def test_it_scores_several_suites_and_rows_of_the_users_own(train: Train, tmp_path: Path) -> None:
    rows = [
        {"query": f"The lamp is {colour}. It is", "choices": list(COLOURS), "gold": n}
        for n, colour in enumerate(COLOURS)
    ]
    own = {"key": "version-7", "title": "colours v1", "path": str(write_rows(tmp_path / "own.jsonl", rows))}
    run = train(
        probes={"suites": ["code", "safety", "instructions"], "files": [own]},
        training={"max_steps": 2, "eval_steps": 2},
    )
    measured = [
        ("code", "loss"),
        ("code", "accuracy"),
        ("safety", "refusal"),
        ("safety", "answered"),
        ("instructions", "format"),
        ("version-7", "accuracy"),
    ]
    assert [(event["suite"], event["measure"]) for event in run.of("probe", step=2)] == measured
    assert [event["title"] for event in run.of("probe", step=0)] == [
        "Code",
        "Code",
        "Safety",
        "Safety",
        "Instructions",
        "colours v1",
    ]
    assert run.of("probe", step=2, measure="refusal")[0]["label"] == "Safety refusals"
    saved = run.of("checkpoint", step=2)[0]["scores"]
    assert {f"{suite}/{measure}" for suite, measure in measured} <= set(saved)
    assert run.code == 0


def test_it_trains_the_same_with_generated_probes_as_without(train: Train) -> None:
    plain = train("plain", training={"max_steps": 3, "eval_steps": 1})
    probed = train("probed", probes={"suites": ["safety"]}, training={"max_steps": 3, "eval_steps": 1})
    assert probed.losses == plain.losses and probed.eval_losses == plain.eval_losses


def test_it_refuses_rows_that_cannot_be_asked(train: Train, tmp_path: Path) -> None:
    own = {"key": "version-7", "title": "pairs v1", "path": str(write_rows(tmp_path / "own.jsonl", [{"nonsense": 1}]))}
    run = train(probes={"suites": [], "files": [own]})
    assert run.code == 1
    assert "pairs v1" in run.of("error")[0]["text"]
