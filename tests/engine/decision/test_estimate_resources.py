"""Parameters are counted as the libraries count them; memory and time move the way they must."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.adapters import full, lora
from engine.adapters.table import ADAPTERS
from engine.decision.cards import on_cards
from engine.decision.resources import Lengths, count_parameters, estimate, estimate_memory
from engine.decision.shapes import ModelShape, read_shape, shape_of_config
from engine.device import Device, Gpu, parse_gpus
from engine.errors import EngineError
from engine.training.options import SpecError
from engine.training.spec import TrainingOptions

GB = 1 << 30
CPU = Device("cpu", "a processor", 2, 24 * GB, 20 * GB, avx512_bf16=True)
LENGTHS = Lengths(rows=1000, mean=200, longest=400, trained_share=0.4)
SEVEN_BILLION: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 11008,
    "vocab_size": 32000,
    "max_position_embeddings": 4096,
}


def tiny_config(kind: str, **changed: Any) -> Any:
    from transformers import AutoConfig

    sizes = {
        "vocab_size": 300,
        "hidden_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 96,
        "max_position_embeddings": 128,
        **changed,
    }
    if kind == "gpt2":
        sizes = {"vocab_size": 300, "n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 128}
    return AutoConfig.for_model(kind, **sizes)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("llama", {}),
        ("llama", {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True}),
        ("mistral", {}),
        ("qwen2", {}),
        ("qwen3", {"head_dim": 32}),
        ("gemma", {"head_dim": 16}),
        ("gpt2", {}),
    ],
)
@pytest.mark.parametrize("target", ["all-linear", "attention"])
def test_it_counts_as_transformers_and_peft_do(kind: str, changed: dict[str, Any], target: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    config = tiny_config(kind, **changed)
    names = {"all-linear": "all-linear", "attention": "c_attn" if config.model_type == "gpt2" else "q_proj, v_proj"}
    options = lora.Options(lora_rank=4, target_modules=names[target])
    model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(tmp_path)
    shapes = shape_of_config(config.to_dict()), read_shape(tmp_path)
    whole = sum(weight.numel() for weight in model.parameters())
    trainable, total = lora.attach(model, options).get_nb_trainable_parameters()
    for shape in shapes:
        assert shape.parameters == whole
        assert shape.exact
        counted = count_parameters(shape, "lora", options)
        assert (counted.trainable, counted.total) == (trainable, total)
        assert count_parameters(shape, "full", full.Options()).trainable == whole


def test_it_counts_a_4096_square_matrix_at_rank_16_as_131072() -> None:
    shape = shape_of_config(SEVEN_BILLION)
    options = lora.Options(lora_rank=16, target_modules="q_proj")
    assert count_parameters(shape, "lora", options).trainable == 32 * 131_072


def test_it_names_the_layers_there_are_when_a_target_is_not() -> None:
    shape = shape_of_config(SEVEN_BILLION)
    with pytest.raises(SpecError) as caught:
        count_parameters(shape, "lora", lora.Options(target_modules="q_proj, nothing"))
    assert "'nothing'" in caught.value.found and "gate_proj" in caught.value.remedy
    with pytest.raises(SpecError, match="head"):
        count_parameters(shape, "lora", lora.Options(target_modules="lm_head"))


def test_it_reads_the_starter_models_exact_size(starter_model: Path) -> None:
    shape = read_shape(starter_model)
    assert (shape.parameters, shape.layers, shape.context) == (134_515_008, 30, 8192)
    assert count_parameters(shape, "lora", lora.Options()).trainable == 4_884_480


def test_it_says_what_is_wrong_with_a_model_folder(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"config\.json"):
        read_shape(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(EngineError, match="hidden_size"):
        read_shape(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not a header")
    with pytest.raises(EngineError, match="safetensors"):
        read_shape(tmp_path)


def of(adapter: str, shape: ModelShape, device: Device = CPU, options: TrainingOptions | None = None) -> Any:
    chosen = {"lora": lora.Options(), "full": full.Options()}[adapter]
    return estimate(shape, options or TrainingOptions(), adapter, chosen, device, LENGTHS)


def test_it_adds_its_parts_up_and_gives_a_range_around_them() -> None:
    memory = of("lora", shape_of_config(SEVEN_BILLION)).memory
    assert sum(memory.parts.values()) == memory.expected
    assert memory.low < memory.expected < memory.high


def test_it_knows_that_full_fine_tuning_needs_several_times_the_memory() -> None:
    shape = shape_of_config(SEVEN_BILLION)
    card = replace(CPU, kind="cuda", gpus=(Gpu("A100 80 GB", 80 * GB, 80 * GB, 8.0),))
    lora_run, full_run = of("lora", shape, card), of("full", shape, card)
    assert full_run.memory.parts["optimizer"] == 8 * shape.parameters
    assert full_run.memory.expected > 3 * lora_run.memory.parts["weights"]
    assert full_run.memory.verdict == "does not fit"
    assert lora_run.memory.verdict in ("fits", "may not fit")
    assert full_run.memory.checkpoint > 100 * lora_run.memory.checkpoint


def test_it_needs_less_with_checkpointing_and_with_a_smaller_batch() -> None:
    shape = shape_of_config(SEVEN_BILLION)
    plain = of("lora", shape, options=TrainingOptions(gradient_checkpointing="off")).memory.parts["activations"]
    checkpointed = of("lora", shape, options=TrainingOptions(gradient_checkpointing="on")).memory.parts["activations"]
    single = of("lora", shape, options=TrainingOptions(gradient_checkpointing="off", per_device_train_batch_size=1))
    single = single.memory.parts["activations"]
    assert checkpointed < plain / 3
    assert single == pytest.approx(plain / 4, rel=0.01)


def test_it_narrows_the_time_once_a_speed_was_measured() -> None:
    shape = shape_of_config(SEVEN_BILLION)
    options = TrainingOptions(num_train_epochs=1)
    guess = estimate(shape, options, "lora", lora.Options(), CPU, LENGTHS).time
    known = estimate(shape, options, "lora", lora.Options(), CPU, LENGTHS, tokens_per_s=100.0).time
    assert guess.tokens == known.tokens == pytest.approx(200_000, rel=0.01)
    assert known.low < 2000 < known.high
    assert known.measured and not guess.measured
    assert known.high / known.low < guess.high / guess.low


def test_it_reads_the_drivers_table_of_gpus() -> None:
    table = "NVIDIA A100-SXM4-40GB, 40960, 39000, 8.0\nbroken, [N/A], 1, 2\nTesla T4, 15360, 15000, 7.5\n"
    gpus = parse_gpus(table)
    assert [gpu.name for gpu in gpus] == ["NVIDIA A100-SXM4-40GB", "Tesla T4"]
    assert [gpu.bf16 for gpu in gpus] == [True, False]
    assert gpus[0].memory_bytes == 40 * GB


def test_it_turns_checkpointing_on_by_itself_where_memory_is_short() -> None:
    shape = shape_of_config(SEVEN_BILLION)
    tight, roomy = of("lora", shape).memory, of("lora", shape, replace(CPU, free_bytes=900 * GB)).memory
    assert (tight.checkpointing, roomy.checkpointing) == (True, False)
    assert tight.parts["activations"] < roomy.parts["activations"] / 3


@pytest.mark.parametrize(
    ("method", "adapter", "copies"),
    [
        ("dpo", "lora", 0),
        ("dpo", "qlora", 0),
        ("dpo", "hybrid", 0),
        ("dpo", "full", 1),
        ("kto", "partial", 1),
        ("dpo", "bottleneck", 1),
        ("orpo", "full", 0),
        ("sft", "full", 0),
    ],
)
def test_it_counts_a_reference_model_where_the_adapter_cannot_be_switched_off(
    method: str, adapter: str, copies: int
) -> None:
    shape = shape_of_config(SEVEN_BILLION)
    options = ADAPTERS[adapter].options()()
    parts = estimate_memory(shape, TrainingOptions(), adapter, options, CPU, LENGTHS, method=method).parts
    size = 4 if ADAPTERS[adapter].trains_base else 2
    assert parts.get("reference", 0) == copies * shape.parameters * size


def test_it_counts_both_answers_of_a_pair_and_the_teacher() -> None:
    small, large = shape_of_config({**SEVEN_BILLION, "num_hidden_layers": 8}), shape_of_config(SEVEN_BILLION)
    ask = partial(estimate_memory, small, TrainingOptions(), "lora", lora.Options(), CPU, LENGTHS)
    assert ask(method="orpo").parts["activations"] == pytest.approx(2 * ask().parts["activations"], rel=1e-6)
    taught = ask(method="distillation", teacher=large)
    assert 2 * large.parameters < taught.parts["teacher"] < 2.2 * large.parameters
    assert taught.expected - ask().expected == taught.parts["teacher"]
    # Keys and values of eight answers of 400 tokens, in fp32.
    assert taught.cache == 2 * 8 * 4096 * 4 * 8 * 400


def test_it_names_the_cheapest_card_that_fits() -> None:
    shape = shape_of_config(SEVEN_BILLION)
    fits = {}
    for adapter in ("qlora", "lora", "full"):
        cards = on_cards(shape, TrainingOptions(), adapter, ADAPTERS[adapter].options()(), LENGTHS)
        assert [card.name for card in cards] == [
            "RTX 3090 24 GB", "RTX 4090 24 GB", "A100 40 GB", "A100 80 GB", "H100 80 GB",
        ]  # fmt: skip
        fits[adapter] = next((card.name for card in cards if card.cheapest), "")
        assert sum(card.cheapest for card in cards) == (fits[adapter] != "")
    assert fits == {"qlora": "RTX 3090 24 GB", "lora": "RTX 3090 24 GB", "full": ""}


@pytest.mark.parametrize(("changed", "copies"), [({}, 0), ({"l2_to_start": 0.1}, 1), ({"ewc": 0.1}, 2)])
def test_it_counts_what_holds_weights_near_their_start_by_itself(changed: dict[str, float], copies: int) -> None:
    shape = shape_of_config(SEVEN_BILLION)
    found = estimate_memory(shape, TrainingOptions(**changed), "lora", lora.Options(), CPU, LENGTHS)
    assert found.parts.get("start", 0) == copies * 4 * lora.count_trainable(shape, lora.Options())
    assert "reference" not in found.parts


def test_it_counts_every_process_that_trains_on_one_processor() -> None:
    shape, options = shape_of_config(SEVEN_BILLION), lora.Options()
    one = estimate_memory(shape, TrainingOptions(precision="fp32"), "lora", options, CPU, LENGTHS)
    two = estimate_memory(shape, TrainingOptions(precision="fp32", num_processes=2), "lora", options, CPU, LENGTHS)
    assert two.parts["processes"] == one.expected and two.expected == 2 * one.expected
    card = Device("cuda", "a card", 8, 64 * GB, 60 * GB, gpus=(Gpu("a card", 24 * GB, 23 * GB, 8.6),))
    alone = estimate_memory(shape, TrainingOptions(), "lora", options, card, LENGTHS)
    assert estimate_memory(shape, TrainingOptions(num_processes=2), "lora", options, card, LENGTHS).parts == alone.parts


def test_processes_that_share_a_model_hold_their_part_of_it() -> None:
    shape = shape_of_config(SEVEN_BILLION)
    card = Device("cuda", "a card", 8, 64 * GB, 60 * GB, gpus=(Gpu("a card", 80 * GB, 79 * GB, 8.0),))
    for device in (CPU, card):
        copies, shared = (
            estimate_memory(
                shape,
                TrainingOptions(precision="fp32", num_processes=4, sharding=how),
                "full",
                full.Options(),
                device,
                LENGTHS,
            )
            for how in ("off", "full")
        )
        for name in ("weights", "gradients", "optimizer"):
            assert shared.parts[name] == copies.parts[name] // 4
        assert shared.checkpoint == copies.checkpoint
        # While it is measured, one process has the whole model; while it computes, each has two blocks and the rest.
        assert copies.parts["weights"] > shared.parts["whole"] + shared.parts["gathered"] > 0
        assert sum(shared.parts.values()) == shared.expected < 0.6 * copies.expected
