"""Several processes share one model: the losses and checkpoints of one process, and half of the weights in each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.control import ask
from engine.evaluation.generate import generate
from engine.evaluation.weights import Stable, System
from tests.engine.training.conftest import Prepare
from tests.engine.training.test_share_the_steps import ONE, TWO, finish, start, wait_for_step
from tests.engine.training.test_train_methods import prepared as prepared

pytestmark = pytest.mark.timeout(900)  # up to five processes, each of which loads the libraries

SHARED = {**TWO, "sharding": "full"}
ANSWERED = {"task_metric": "exact_match", "save_steps": 4, "max_grad_norm": 0.05}


@pytest.mark.slow
@pytest.mark.parametrize("adapter", ("full", "lora"))
def test_two_processes_that_share_a_model_do_what_one_does(prepare: Prepare, tiny_model: Path, adapter: str) -> None:
    one, two = (
        finish(prepare(name, adapter=adapter, training={**training, **ANSWERED}))
        for name, training in (("one", ONE), ("two", SHARED))
    )
    assert (one.code, two.code) == (0, 0), (two.folder / "console.log").read_text()[-3000:]
    assert two.losses == pytest.approx(one.losses, abs=1e-5) and len(two.losses) == 8
    assert two.eval_losses == pytest.approx(one.eval_losses, abs=1e-5) and len(two.eval_losses) == 3
    norms = [[event["grad_norm"] for event in run.of("metric") if "grad_norm" in event] for run in (one, two)]
    assert norms[1] == pytest.approx(norms[0], rel=1e-4) and min(norms[0]) > ANSWERED["max_grad_norm"]
    assert [event["scores"].keys() for event in two.of("checkpoint")] == [
        {"eval_loss", "task_score", "format_rate"}
    ] * 2

    name = "model.safetensors" if adapter == "full" else "adapter_model.safetensors"
    weights = [load_file(run.folder / "checkpoints" / "step-8" / name) for run in (one, two)]
    assert weights[0].keys() == weights[1].keys()
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, atol=1e-4, rtol=0)
    saved = two.folder / "checkpoints" / "step-8"
    system = System("t", "T", model=saved) if adapter == "full" else System("t", "T", saved)
    with Stable(tiny_model).lend(system) as ready:
        prompt = ready.tokenizer("The lamp is red.")["input_ids"]
        (answers,) = generate(ready.model, ready.tokenizer, [prompt], max_new_tokens=8)
    assert 0 < answers[0].tokens_out <= 8

    told = two.of("log", code="sharded")[0]
    assert 0.5 <= told["held"] / told["weights"] < 0.52
    states = [torch.load(saved / each, weights_only=True)["state"] for each in ("optimizer.pt", "optimizer_1.pt")]
    alone = torch.load(one.folder / "checkpoints" / "step-8" / "optimizer.pt", weights_only=True)["state"]
    sizes = [sum(state["exp_avg"].numel() for state in each.values()) for each in (*states, alone)]
    assert sizes[0] + sizes[1] == sizes[2] and 0.5 <= sizes[0] / sizes[2] < 0.52


@pytest.mark.slow
@pytest.mark.parametrize("adapter", ("full", "lora"))
def test_two_processes_that_share_a_model_resume_exactly(prepare: Prepare, adapter: str) -> None:
    longer = {**SHARED, "max_steps": 30, "eval_steps": 30, "l2_to_start": 0.1}
    dropout: dict[str, Any] = {"adapter": adapter}
    if adapter == "lora":
        dropout["adapter_options"] = {"lora_dropout": 0.2}
    whole = finish(prepare("whole", training=longer, **dropout))
    folder = prepare("parts", training=longer, **dropout)
    job = start(folder)
    wait_for_step(folder, 3)
    ask(folder, "save")
    assert job.wait() == 3
    ask(folder, "")
    resumed = finish(folder)
    assert resumed.code == 0 and resumed.of("status", phase="resumed")
    assert resumed.losses == pytest.approx(whole.losses, abs=1e-6) and len(resumed.losses) == 30


@pytest.mark.slow
def test_answers_are_compared_by_processes_with_and_without_sharding(prepared: Prepare) -> None:
    copies, shared = (
        finish(prepared(how, "dpo", training={**TWO, "max_steps": 2, "eval_steps": 2, "sharding": how}))
        for how in ("off", "full")
    )
    assert (copies.code, shared.code) == (0, 0), (shared.folder / "console.log").read_text()[-3000:]
    assert shared.losses == pytest.approx(copies.losses, abs=1e-5) and len(shared.losses) == 2
    assert shared.eval_losses == pytest.approx(copies.eval_losses, abs=1e-5) and len(shared.eval_losses) == 2
    margins = [
        [event["eval_reward_margin"] for event in run.of("metric", step=2) if "eval_reward_margin" in event]
        for run in (copies, shared)
    ]
    assert margins[0] and margins[1] == pytest.approx(margins[0], abs=1e-5)
