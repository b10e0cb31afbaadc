"""The recommended checkpoint: the best on the target among those within the forgetting limit, real probes and all."""

from __future__ import annotations

from pathlib import Path

from engine.training.checkpoints import step_of, whole
from tests.engine.training.conftest import Train

ABSURD = {
    "learning_rate": 0.02,
    "max_steps": 8,
    "eval_steps": 2,
    "warmup_ratio": 0.5,
    "save_total_limit": 1,
    "early_stopping_patience": 0,
}


def test_it_recommends_an_earlier_checkpoint_of_a_run_with_an_absurd_rate_and_keeps_it(
    train: Train, schooled_model: Path
) -> None:
    run = train(
        model={"path": str(schooled_model)},
        adapter="full",
        training=ABSURD,
        probes={"suites": ["general"], "forgetting_limit": 0.05},
    )
    done = run.of("done")[0]
    assert run.of("probe", step=8, measure="loss")[0]["change"] < -0.05
    assert 0 < done["recommended_step"] < done["best_step"] <= 8
    assert done["result"] == f"checkpoints/step-{done['recommended_step']}"
    assert {done["recommended_step"], done["best_step"], 8} == {step_of(folder) for folder in whole(run.folder)}
    assert "past the limit" in done["why"]
    assert [event["step"] for event in run.of("checkpoint", recommended=True)] == [2]


def test_it_says_that_no_checkpoint_is_within_the_limit(train: Train, schooled_model: Path) -> None:
    run = train(
        model={"path": str(schooled_model)},
        adapter="full",
        training=ABSURD | {"warmup_ratio": 0.0, "max_steps": 4, "learning_rate": 0.1, "stop_on_forgetting": True},
        probes={"suites": ["general"], "forgetting_limit": 0.05},
    )
    done = run.of("done")[0]
    assert (done["ended"], done["step"], done["recommended_step"]) == ("forgetting", 2, None)
    assert run.of("warning", code="no_recommendation")[0]["text"] == done["why"]
    assert done["why"].startswith("No checkpoint is within the forgetting limit of 5%")
    assert done["result"] == "checkpoints/step-2"
