"""Suggested settings follow the data, the model and the device, and say why."""

from __future__ import annotations

from typing import Any

import pytest

from engine.device import Device, Gpu
from engine.training.hints import suggest

GB = 1 << 30
CPU = Device("cpu", "a processor", 2, 16 * GB, 12 * GB, avx512_bf16=True)
CUDA = Device("cuda", "a card", 8, 64 * GB, 60 * GB, gpus=(Gpu("a card", 24 * GB, 23 * GB, 8.6),))


def config(hidden: int, layers: int) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 8,
        "intermediate_size": 4 * hidden,
        "vocab_size": 32000,
        "max_position_embeddings": 4096,
    }


SMALL, LARGE = config(512, 12), config(4096, 32)


@pytest.mark.parametrize(
    ("model", "adapter", "rate"),
    [(LARGE, "lora", 2e-4), (LARGE, "full", 2e-5), (SMALL, "lora", 2e-3), (SMALL, "full", 1e-4)],
)
def test_it_suggests_a_rate_by_adapter_and_model_size(model: dict[str, Any], adapter: str, rate: float) -> None:
    found = suggest(2000, 300, model, "sft", adapter, CUDA)
    assert found.options.learning_rate == pytest.approx(rate)
    assert ("500 million" in found.reasons["learning_rate"]) == (model is SMALL)


@pytest.mark.parametrize(("p99", "cutoff"), [(None, 2048), (100, 128), (150, 192), (1500, 1536), (9000, 2048)])
def test_it_lowers_the_cutoff_to_the_99th_percentile(p99: int | None, cutoff: int) -> None:
    assert suggest(2000, p99, LARGE, "sft", "lora", CUDA).options.cutoff_len == cutoff


def test_it_never_goes_past_the_models_context() -> None:
    short = {**LARGE, "max_position_embeddings": 512}
    assert suggest(2000, 9000, short, "sft", "lora", CUDA).options.cutoff_len == 512


@pytest.mark.parametrize(("rows", "device", "epochs"), [(300, CPU, 1), (300, CUDA, 3), (150, CPU, 3), (2000, CPU, 1)])
def test_it_asks_a_processor_for_no_more_passes_than_minutes_allow(rows: int, device: Device, epochs: int) -> None:
    assert suggest(rows, 218, SMALL, "sft", "lora", device).options.num_train_epochs == epochs


def test_it_gives_few_rows_more_passes_and_a_smaller_batch() -> None:
    few, many = suggest(300, 200, LARGE, "sft", "lora", CUDA), suggest(5000, 200, LARGE, "sft", "lora", CUDA)
    assert (few.options.num_train_epochs, many.options.num_train_epochs) == (3.0, 1.0)
    assert few.options.effective_batch_size < many.options.effective_batch_size == 16
    assert "gradient_accumulation_steps" in few.reasons
