"""Every adapter of the table, by the real command on a tiny model: it learns, saves, reloads, resumes and generates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.adapters.table import ADAPTERS
from engine.decision.shapes import block_of, read_shape
from engine.evaluation.weights import Stable, System
from tests.engine.training.conftest import ControlAt, Finished, Prepare, Train, train_folder
from tests.engine.training.test_train import reloaded_loss

# A rate at which each learns something in a few steps of a model of some thousand weights.
RATES = {
    "lora": 1e-2,
    "qlora": 1e-2,
    "full": 2e-3,
    "partial": 5e-3,
    "hybrid": 5e-3,
    "bottleneck": 1e-2,
    "prompt_tuning": 0.3,
    "prefix_tuning": 0.3,
    "ia3": 0.1,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "lora": {"lora_dropout": 0.0},
    "qlora": {"lora_dropout": 0.0},
    "hybrid": {"lora_dropout": 0.0, "unfrozen_blocks": 1},
    "bottleneck": {"bottleneck_size": 8},
}
# Some can do little in a model of two layers that has learnt nothing: the random spread of these losses is below 1e-6.
GAINS = {"prompt_tuning": 0.02, "ia3": 0.01, "prefix_tuning": 0.02}
LORA_KINDS = ({"use_rslora": True}, {"use_dora": True}, {"target_modules": "q_proj, v_proj"})


def run_of(train: Train, adapter: str, **training: Any) -> Finished:
    settings = {"learning_rate": RATES[adapter], "max_steps": 12, "eval_steps": 6, **training}
    return train(adapter=adapter, adapter_options=OPTIONS.get(adapter, {}), training=settings)


def result_of(run: Finished) -> Path:
    return run.folder / str(run.of("done")[0]["result"])


def system_of(adapter: str, folder: Path) -> System:
    return System("tuned", "Tuned", model=folder) if ADAPTERS[adapter].trains_base else System("tuned", "Tuned", folder)


def test_it_has_a_rate_for_every_adapter() -> None:
    assert RATES.keys() == ADAPTERS.keys()


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_it_learns_saves_reloads_to_the_same_loss_and_generates(train: Train, tiny_model: Path, adapter: str) -> None:
    run = run_of(train, adapter)
    assert run.code == 0, run.of("error")
    assert run.eval_losses[12] < run.eval_losses[0] - GAINS.get(adapter, 0.1)
    stable = Stable(tiny_model)
    rows = run.folder.parent / "validation.jsonl"
    with stable.lend(System("base", "Base")) as ready:
        base = reloaded_loss(ready.model, ready.tokenizer, rows)
    with stable.lend(system_of(adapter, result_of(run))) as ready:
        loss = reloaded_loss(ready.model, ready.tokenizer, rows)
        ids = torch.tensor([[5, 6, 7, 8]])
        assert ready.model.generate(input_ids=ids, max_new_tokens=4, do_sample=False).shape[1] > 4
    # A packed model was measured in 4 bits, and is evaluated on the whole weights.
    assert loss == pytest.approx(run.eval_losses[12], abs=0.1 if ADAPTERS[adapter].packs_base else 1e-4)
    with stable.lend(System("base", "Base")) as ready:
        assert reloaded_loss(ready.model, ready.tokenizer, rows) == base


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_it_counts_what_trains_as_the_model_itself_does(tiny_model: Path, adapter: str) -> None:
    from transformers import AutoModelForCausalLM

    row = ADAPTERS[adapter]
    options = row.options()(**OPTIONS.get(adapter, {}))
    more = {"quantization_config": row.module().quantization(options, torch.float32)} if row.packs_base else {}
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32, **more)
    tuned = row.module().attach(model, options)
    counted = sum(parameter.numel() for parameter in tuned.parameters() if parameter.requires_grad)
    shape = read_shape(tiny_model)
    assert counted == row.module().count_trainable(shape, options)
    blocks = [0] * shape.layers
    for name, parameter in tuned.named_parameters():
        if parameter.requires_grad and block_of(name) >= 0:
            blocks[block_of(name)] += parameter.numel()
    if adapter == "prefix_tuning":  # one matrix for all blocks, in front of the model
        blocks = [counted // shape.layers] * shape.layers
    assert row.module().per_block(shape, options) == tuple(blocks)


@pytest.mark.parametrize("adapter", [key for key in ADAPTERS if key not in ("lora", "full")])
def test_it_resumes_where_it_was(prepare: Prepare, adapter: str) -> None:
    changed = {
        "adapter": adapter,
        "adapter_options": OPTIONS.get(adapter, {}),
        "training": {"learning_rate": RATES[adapter], "max_steps": 10, "eval_steps": 5},
    }
    whole = train_folder(prepare("whole", **changed))
    folder = prepare("parts", **changed)
    with ControlAt(folder, "save", step=2):
        stopped = train_folder(folder)
    resumed = train_folder(folder)
    assert (stopped.code, resumed.code) == (3, 0), resumed.of("error")
    assert resumed.losses == pytest.approx(whole.losses, abs=1e-6)
    assert resumed.eval_losses == pytest.approx(whole.eval_losses, abs=1e-6)


@pytest.mark.parametrize("kind", LORA_KINDS, ids=lambda kind: next(iter(kind)))
def test_it_trains_each_kind_of_lora(train: Train, kind: dict[str, Any]) -> None:
    run = train(adapter_options={"lora_dropout": 0.0, **kind}, training={"max_steps": 12})
    assert run.code == 0, run.of("error")
    assert run.eval_losses[12] < run.eval_losses[0] - 0.1


def test_it_says_why_biases_cannot_train_in_a_model_without_any(train: Train) -> None:
    run = train(adapter="partial", adapter_options={"trained_part": "biases"})
    assert (run.code, run.of("error")[0]["reason"]) == (1, "Config")
    assert "no biases" in run.of("error")[0]["text"]


def test_it_trains_norms_alone(train: Train) -> None:
    run = train(
        adapter="partial", adapter_options={"trained_part": "norms"}, training={"learning_rate": 0.05, "max_steps": 12}
    )
    assert run.eval_losses[12] < run.eval_losses[0] - 0.02
