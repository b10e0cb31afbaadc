"""The drawn stack says what trains, and its numbers are the ones peft prints."""

from __future__ import annotations

from typing import Any

import pytest

from engine.adapters.table import ADAPTERS
from engine.decision.layers import Layer, layer_stack
from engine.decision.resources import count_parameters
from engine.decision.shapes import Linear, ModelShape, shape_of_config
from engine.training.options import SpecError
from tests.engine.decision.test_estimate_resources import SEVEN_BILLION, tiny_config

SHAPE = shape_of_config(SEVEN_BILLION)


def stack(adapter: str, shape: ModelShape = SHAPE, **options: Any) -> tuple[Layer, ...]:
    return layer_stack(shape, adapter, ADAPTERS[adapter].options()(**options))


def test_it_counts_131072_beside_16_7_million_for_lora_of_rank_16_on_a_4096_square_matrix() -> None:
    matrix = 4096 * 4096
    shape = ModelShape(
        matrix, (Linear("model.layers.0.self_attn.q_proj", 4096, 4096),), 1, 4096, 32, 0, 2048, blocks=(matrix,)
    )
    (block,) = [layer for layer in stack("lora", shape, lora_rank=16, target_modules="q_proj") if layer.blocks]
    assert (block.parameters, block.added, block.trained, block.state) == (16_777_216, 131_072, 0, "adapter")


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "gemma", "gpt2"])
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_it_adds_up_to_what_is_printed(kind: str, adapter: str) -> None:
    shape = shape_of_config(tiny_config(kind).to_dict())
    options = ADAPTERS[adapter].options()()
    layers = layer_stack(shape, adapter, options)
    printed = count_parameters(shape, adapter, options)
    assert sum(layer.trainable for layer in layers) == printed.trainable
    assert sum(layer.parameters for layer in layers) == shape.parameters
    if adapter != "hybrid":  # there peft keeps, and prints, a frozen copy of the blocks that train whole
        assert sum(layer.parameters + layer.added for layer in layers) == printed.total
    assert sum(layer.blocks for layer in layers) == shape.layers


def test_it_stands_blocks_that_are_alike_together() -> None:
    embeddings, blocks, norm, head = stack("lora")
    assert (blocks.first, blocks.last, blocks.state) == (1, 32, "adapter")
    assert (embeddings.parameters, head.parameters, norm.parameters) == (32000 * 4096, 32000 * 4096, 4096)
    assert {embeddings.state, norm.state, head.state} == {"frozen"}


def test_it_knows_one_matrix_for_embeddings_and_head() -> None:
    tied = shape_of_config({**SEVEN_BILLION, "tie_word_embeddings": True})
    layers = stack("full", tied)
    assert [layer.name for layer in layers] == ["embeddings", "blocks", "norm"]
    assert layers[0].tied and {layer.state for layer in layers} == {"trained"}


def test_it_parts_the_frozen_blocks_from_those_that_train() -> None:
    _, lower, upper, norm, _ = stack("partial", frozen_blocks=20)
    assert [(part.first, part.last, part.state) for part in (lower, upper)] == [
        (1, 20, "frozen"),
        (21, 32, "trained"),
    ]
    assert norm.state == "frozen"
    _, beside, whole, *_ = stack("hybrid", unfrozen_blocks=2)
    assert (beside.last, beside.state, whole.first, whole.state) == (30, "adapter", 31, "trained")


def test_it_says_where_norms_prompts_and_prefixes_are() -> None:
    _, blocks, norm, _ = stack("partial", trained_part="norms")
    assert (blocks.state, blocks.trained, norm.state) == ("partly", 32 * 2 * 4096, "trained")
    embeddings, blocks, *_ = stack("prompt_tuning", virtual_tokens=10)
    assert (embeddings.added, embeddings.state, blocks.state) == (10 * 4096, "adapter", "frozen")
    embeddings, blocks, *_ = stack("prefix_tuning", prefix_tokens=10)
    assert (embeddings.state, blocks.added) == ("frozen", 10 * 32 * 2 * 4096)


def test_it_says_what_does_not_fit_the_model() -> None:
    with pytest.raises(SpecError, match="nothing would train"):
        stack("partial", frozen_blocks=32)
