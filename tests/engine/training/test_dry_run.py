"""The dry run: the longest batch before step 1, and a run that is the same with and without it."""

from __future__ import annotations

from tests.engine.training.conftest import Train

STEPS = {"max_steps": 3, "eval_steps": 3}


def test_it_computes_the_longest_batch_first_and_changes_no_loss(train: Train) -> None:
    dropout = {"lora_dropout": 0.2}
    dry = train("dry", training=STEPS, adapter_options=dropout)
    bare = train("bare", training={**STEPS, "dry_run": False}, adapter_options=dropout)
    assert dry.code == bare.code == 0
    assert dry.losses == bare.losses and dry.eval_losses == bare.eval_losses
    assert dry.of("done")[0]["tokens"] == bare.of("done")[0]["tokens"]
    told = dry.of("log", code="dry_run")[0]
    assert told["longest"] == dry.of("log", code="encoded")[0]["longest"] and told["rows"] == 4
    assert told["seq"] < dry.of("metric")[0]["seq"]
    assert not bare.of("log", code="dry_run")
