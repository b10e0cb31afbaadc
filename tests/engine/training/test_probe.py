"""Forgetting is measured from step 0 on, and said when it passes the limit."""

from __future__ import annotations

import pytest

from tests.engine.training.conftest import Train


def test_it_scores_the_suites_before_step_1_and_at_each_evaluation(train: Train) -> None:
    run = train(probes={"suites": ["general"]}, training={"max_steps": 4, "eval_steps": 2})
    probes = run.of("probe")
    assert [(event["step"], event["measure"]) for event in probes] == [
        (step, measure) for step in (0, 2, 4) for measure in ("loss", "accuracy")
    ]
    start, end = run.of("probe", measure="loss")[0], run.of("probe", measure="loss")[-1]
    assert start["change"] == 0 and start["n"] >= 60
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
