"""The smallest change that fits is computed: each proposal fits, and what is smaller than it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.decision.fitting import need, smallest_change
from engine.decision.resources import Lengths
from engine.decision.shapes import shape_of_config
from engine.device import Device
from engine.training.spec import TrainingSpec
from tests.engine.decision.test_estimate_resources import SEVEN_BILLION

GB = 1 << 30
SHAPE = shape_of_config(SEVEN_BILLION)
LENGTHS = Lengths(rows=1000, mean=400, longest=2000, trained_share=0.3)


def spec_of(**changed: Any) -> TrainingSpec:
    training = {
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 2,
        "precision": "bf16",
        "gradient_checkpointing": "off",
        **changed.pop("training", {}),
    }
    return TrainingSpec.from_json({"model": {"path": "m"}, "data": {"train": "d"}, "training": training, **changed})


def machine(gigabytes: float) -> Device:
    size = int(gigabytes * GB)
    return Device("cpu", "a machine", 2, size, size, avx512_bf16=True)


@pytest.mark.parametrize(
    ("gigabytes", "words"),
    [
        (300, ["set the batch size to 4 and accumulation to 4"]),
        (150, ["set the batch size to 2 and accumulation to 8"]),
        (100, ["set the batch size to 1 and accumulation to 16"]),
        (60, ["switch gradient checkpointing on"]),
        (32, ["switch gradient checkpointing on", "train with QLoRA (4 bits)"]),
    ],
)
def test_it_proposes_the_least_that_fits(gigabytes: float, words: list[str]) -> None:
    device = machine(gigabytes)
    spec = spec_of()
    assert need(spec, SHAPE, device, LENGTHS).expected > device.free_bytes, "else there is nothing to propose"
    found = smallest_change(spec, SHAPE, device, LENGTHS)
    assert found is not None and list(found.words) == words
    assert found.memory.expected <= device.free_bytes
    assert need(found.spec, SHAPE, device, LENGTHS).expected == found.memory.expected
    assert found.spec.training.effective_batch_size == spec.training.effective_batch_size


def test_it_shortens_rows_only_when_nothing_else_does() -> None:
    spec = spec_of(adapter="qlora")
    device = next(
        machine(size / 4)
        for size in range(200, 20, -1)
        if (found := smallest_change(spec, SHAPE, machine(size / 4), LENGTHS)) and "cutoff" in found.sentence
    )
    found = smallest_change(spec, SHAPE, device, LENGTHS)
    assert found is not None and found.spec.training.cutoff_len < 2000
    assert found.spec.training.per_device_train_batch_size == 1
    assert f"{found.spec.training.cutoff_len:,} tokens" in found.sentence and "GB" in found.sentence


def test_it_says_when_nothing_fits() -> None:
    assert smallest_change(spec_of(), SHAPE, machine(2), LENGTHS) is None


def test_it_learns_from_a_failure_that_the_estimate_did_not_see() -> None:
    spec, device = spec_of(), machine(500)
    assert need(spec, SHAPE, device, LENGTHS).expected < device.free_bytes
    blind = smallest_change(spec, SHAPE, device, LENGTHS)
    seen = smallest_change(spec, SHAPE, device, LENGTHS, failed=True)
    assert blind is not None and seen is not None
    assert seen.memory.expected > need(seen.spec, SHAPE, device, LENGTHS).expected


def test_it_proposes_nothing_that_is_refused() -> None:
    prefix = spec_of(adapter="prefix_tuning")
    small = smallest_change(prefix, SHAPE, machine(30), LENGTHS)
    assert small is None or "checkpointing" not in small.sentence or small.spec.adapter != "prefix_tuning"
    thumbs = replace(spec_of(method="kto", training={"per_device_train_batch_size": 2}))
    found = smallest_change(thumbs, SHAPE, machine(24), LENGTHS)
    assert found is not None and found.spec.training.per_device_train_batch_size == 2
