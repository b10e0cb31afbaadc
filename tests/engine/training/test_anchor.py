"""Mitigations forget less at equal steps, by real probes; at strength zero they change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.engine.training.conftest import Finished, Train

STEPS = {"learning_rate": 5e-3, "max_steps": 8, "eval_steps": 8, "warmup_ratio": 0.0}


def tuned(train: Train, model: Path, name: str, adapter: str = "full", **training: float) -> Finished:
    return train(
        name,
        model={"path": str(model)},
        adapter=adapter,
        training=STEPS | training,
        probes={"suites": ["general"], "forgetting_limit": 0.5},
    )


def forgotten(run: Finished) -> float:
    return float(run.of("probe", step=8, measure="loss")[0]["change"])


def test_it_forgets_less_with_l2_to_start_and_with_ewc(train: Train, schooled_model: Path) -> None:
    plain = tuned(train, schooled_model, "plain")
    pulled = tuned(train, schooled_model, "pulled", l2_to_start=0.1)
    elastic = tuned(train, schooled_model, "elastic", ewc=0.1)
    assert forgotten(plain) < -0.05
    assert forgotten(pulled) > 0.85 * forgotten(plain)
    assert forgotten(elastic) > 0.65 * forgotten(plain)
    for run in (plain, pulled, elastic):
        assert run.eval_losses[8] < run.eval_losses[0]
    fisher = elastic.of("log", code="fisher")[0]
    weights = load_file(schooled_model / "model.safetensors")
    assert fisher["rows"] == 64 and fisher["bytes"] == 2 * 4 * sum(value.numel() for value in weights.values())


@pytest.mark.parametrize("adapter", ["full", "lora"])
def test_it_changes_nothing_at_strength_zero_and_next_to_nothing_when_tiny(
    train: Train, schooled_model: Path, adapter: str
) -> None:
    plain = tuned(train, schooled_model, "plain", adapter, max_steps=3)
    zero = tuned(train, schooled_model, "zero", adapter, max_steps=3, l2_to_start=0.0, ewc=0.0)
    tiny = tuned(train, schooled_model, "tiny", adapter, max_steps=3, l2_to_start=1e-12, ewc=1e-12)
    assert zero.losses == plain.losses
    assert tiny.losses == pytest.approx(plain.losses, abs=1e-6)
    assert tiny.of("log", code="fisher") and not zero.of("log", code="fisher")
