"""What combines gives the same losses with it as without; what does not is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from engine.adapters.table import ADAPTERS
from engine.decision.resources import Lengths, planned_memory
from engine.decision.shapes import read_shape
from engine.device import Device
from engine.methods.table import METHODS, refusal, refused_settings
from engine.training.options import SpecError
from engine.training.spec import TrainingOptions, TrainingSpec
from tests.engine.training.conftest import Finished, Prepare, train_folder
from tests.engine.training.test_train_methods import prepared as prepared

PACKING = [method for method in METHODS if "packing" not in METHODS[method].refuses_settings]


def pairs(name: str, methods: list[str]) -> list[Any]:
    """Pairs that combine with a setting; SFT with every adapter runs each time, the others take minutes together."""
    return [
        pytest.param(method, adapter, marks=[] if method == "sft" else [pytest.mark.slow])
        for method in methods
        for adapter in ADAPTERS
        if not refusal(method, adapter) and name not in refused_settings(method, adapter)
    ]


def losses_of(run: Finished) -> list[float]:
    assert run.code == 0, run.of("error")
    return [*run.losses, *run.eval_losses.values()]


@pytest.mark.parametrize(("method", "adapter"), pairs("gradient_checkpointing", list(METHODS)))
def test_checkpointing_changes_no_loss(prepared: Prepare, method: str, adapter: str) -> None:
    off, on = (
        train_folder(
            prepared(name, method, adapter, training={"gradient_checkpointing": name, "max_steps": 2, "eval_steps": 2})
        )
        for name in ("off", "on")
    )
    assert on.of("status", phase="loading")[0]["gradient_checkpointing"] is True
    assert losses_of(on) == pytest.approx(losses_of(off), abs=1e-5)


@pytest.mark.parametrize("attention", ("eager", pytest.param("sdpa", marks=pytest.mark.slow)))
@pytest.mark.parametrize(("method", "adapter"), pairs("packing", PACKING))
def test_packed_rows_give_the_loss_of_separate_ones(
    prepared: Prepare, method: str, adapter: str, attention: str
) -> None:
    # All rows in one step, so that the order of the rows cannot matter; the cutoff decides the attention.
    training = {
        "cutoff_len": 256 if attention == "eager" else 1100,
        "per_device_train_batch_size": 32,
        "gradient_accumulation_steps": 1,
        "max_steps": 1,
    }
    apart, packed = (
        train_folder(prepared(str(packing), method, adapter, training={**training, "packing": packing}))
        for packing in (False, True)
    )
    assert packed.of("status", phase="loading")[0]["attention"] == attention
    assert losses_of(packed)[0] == pytest.approx(losses_of(apart)[0], abs=2e-4)
    assert packed.of("done")[0]["tokens"] == apart.of("done")[0]["tokens"]


def refused() -> list[tuple[str, str, str]]:
    return [
        (method, adapter, name)
        for method in METHODS
        for adapter in ADAPTERS
        if not refusal(method, adapter)
        for name in refused_settings(method, adapter)
    ]


@pytest.mark.parametrize(("method", "adapter", "name"), refused())
def test_it_refuses_a_setting_that_does_not_combine_and_says_why(method: str, adapter: str, name: str) -> None:
    value, why = refused_settings(method, adapter)[name]
    document: dict[str, Any] = {
        "model": {"path": "m"},
        "data": {"train": "d"},
        "teacher": {"path": "t"},
        "method": method,
        "adapter": adapter,
    }
    TrainingSpec.from_json(document)
    with pytest.raises(SpecError) as caught:
        TrainingSpec.from_json({**document, "training": {"num_processes": 2, name: value}})
    assert caught.value.field == f"training.{name}"
    assert caught.value.found in why and "Not with" in caught.value.found


def test_it_refuses_what_was_seen_to_fail() -> None:
    assert set(refused_settings("sft", "prefix_tuning")) == {"packing", "gradient_checkpointing"}
    assert set(refused_settings("sft", "prompt_tuning")) == {"packing"}
    assert set(refused_settings("sft", "qlora")) == {"sharding"}
    assert not refused_settings("sft", "lora")
    assert {key for key in ADAPTERS if refusal("cpt", key)} == {"prompt_tuning", "prefix_tuning", "ia3"}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "nobody to share the model with"),
        ({"num_processes": 2, "optim": "adafactor"}, "means over whole matrices"),
        ({"num_processes": 2, "precision": "fp16"}, "loss scaling"),
    ],
)
def test_it_refuses_what_does_not_go_with_sharding_and_says_why(values: dict[str, Any], why: str) -> None:
    with pytest.raises(SpecError, match=why) as caught:
        TrainingOptions(sharding="full", **values)
    assert caught.value.field == "training.sharding"


def test_a_run_without_sharding_is_known_by_what_it_was_known_by_before() -> None:
    document = {"model": {"path": "m"}, "data": {"train": "d"}, "training": {"num_processes": 2}}
    plain = TrainingSpec.from_json(document)
    shared = TrainingSpec.from_json({**document, "training": {"num_processes": 2, "sharding": "full"}})
    assert "sharding" in plain.to_json()["training"] and plain.fingerprint() != shared.fingerprint()
    before = {name: value for name, value in plain.to_json()["training"].items() if name != "sharding"}
    assert TrainingSpec.from_json({**document, "training": before}).fingerprint() == plain.fingerprint()


def test_automatic_checkpointing_never_chooses_what_would_fail(tiny_model: Any) -> None:
    shape, cramped = read_shape(tiny_model), Device("cpu", "small", 2, 1 << 20, 1 << 20)
    lengths = Lengths(rows=10, mean=100, longest=100, trained_share=0.4)
    found = {}
    for adapter in ("lora", "prefix_tuning"):
        spec = TrainingSpec.from_json({"model": {"path": "m"}, "data": {"train": "d"}, "adapter": adapter})
        found[adapter] = planned_memory(shape, spec.training, adapter, spec.adapter_options, cramped, lengths)
    assert found["lora"].checkpointing and not found["prefix_tuning"].checkpointing
