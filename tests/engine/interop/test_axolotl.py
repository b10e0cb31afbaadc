"""Axolotl's YAML: what is exported comes back the same, and what has no place is listed with the reason."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from engine.errors import EngineError
from engine.interop.axolotl import export, read
from engine.training.spec import TrainingSpec

# As its repository's examples are written (examples/llama-3/lora-1b.yml and others), with lines of each kind.
EXAMPLE = """
base_model: NousResearch/Llama-3.2-1B
# a comment
datasets:
  - path: teknium/GPT4-LLM-Cleaned
    type: alpaca
val_set_size: 0.1
output_dir: ./outputs/lora-out
adapter: lora
lora_r: 16
lora_alpha: 32
lora_dropout: 0.05
lora_target_modules:
  - gate_proj
  - q_proj
sequence_len: 2048
sample_packing: true
micro_batch_size: 2
gradient_accumulation_steps: 2
num_epochs: 1
optimizer: adamw_8bit
lr_scheduler: cosine
learning_rate: 2e-4
bf16: auto
tf32: false
gradient_checkpointing: true
logging_steps: 1
flash_attention: true
warmup_ratio: 0.1
weight_decay: 0.0
special_tokens:
  pad_token: "<|end_of_text|>"
"""


def spec_of(**changed: Any) -> TrainingSpec:
    return TrainingSpec.from_json(
        {
            "model": {"path": "/secret/place/model", "name": "Tiny"},
            "data": {"train": "/secret/place/train.jsonl", "validation": "/secret/place/v.jsonl"},
            **changed,
        }
    )


def test_it_reads_what_it_knows_and_lists_the_rest() -> None:
    found = read(EXAMPLE)
    assert (found.method, found.adapter) == ("sft", "lora")
    assert found.adapter_options == {
        "lora_rank": 16,
        "lora_alpha": 32,
        "lora_dropout": 0.05,
        "target_modules": "gate_proj, q_proj",
    }
    assert found.training["learning_rate"] == 2e-4, "YAML reads 2e-4 as a text"
    assert found.training["per_device_train_batch_size"] == found.training["gradient_accumulation_steps"] == 2
    assert found.training["packing"] is True and found.training["gradient_checkpointing"] == "on"
    left = {one.name: one.why for one in found.left_out}
    assert left.keys() == {
        "base_model", "datasets", "val_set_size", "output_dir", "optimizer", "tf32", "flash_attention",
        "special_tokens",
    }  # fmt: skip
    assert "adamw_torch" in left["optimizer"] and "no such setting" in left["tf32"]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"adapter": "qlora", "adapter_options": {"target_modules": "q_proj, v_proj", "use_rslora": True}},
        {"adapter": "full", "training": {"precision": "fp16", "max_steps": 7, "gradient_checkpointing": "off"}},
        {"method": "dpo", "method_options": {"dpo_beta": 0.3}},
        {"method": "dpo", "method_options": {"dpo_loss": "ipo"}},
        {"method": "kto", "method_options": {"desirable_weight": 2.0}},
        {"method": "orpo", "method_options": {"orpo_lambda": 0.2}},
        {"method": "cpt", "training": {"train_on_answers_only": False}},
    ],
)
def test_what_it_writes_it_reads_back(changed: dict[str, Any]) -> None:
    spec = spec_of(**changed)
    text = export(spec)
    assert "/secret" not in text
    found = read(text)
    back = TrainingSpec.from_json(
        {
            "model": {"path": "/secret/place/model", "name": "Tiny"},
            "data": {"train": "/secret/place/train.jsonl", "validation": "/secret/place/v.jsonl"},
            "method": found.method,
            "adapter": found.adapter,
            "training": found.training,
            "method_options": found.method_options,
            "adapter_options": found.adapter_options,
        }
    )
    alpha = {"lora_alpha": spec.adapter_options.alpha} if hasattr(spec.adapter_options, "alpha") else {}
    expected = spec.to_json()
    expected["adapter_options"] |= alpha  # an empty alpha is written out
    assert back.to_json() == expected
    assert {one.name for one in found.left_out} <= {
        "base_model",
        "datasets",
        "test_datasets",
        "output_dir",
        "load_in_4bit",
    }


def test_it_says_what_axolotl_has_not() -> None:
    assert "Not in Axolotl: keep the best checkpoint, dry run first, EWC." in export(spec_of(training={"ewc": 1.0}))
    for changed in ({"adapter": "bottleneck"}, {"method": "distillation", "teacher": {"path": "t"}}):
        with pytest.raises(EngineError, match="Axolotl has no"):
            export(spec_of(**changed))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n- b", "no list of settings"),
        ("a: [", "no YAML"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("x" * 200_001, "characters"),
        ("!!python/object/apply:os.system ['true']", "no YAML"),
        ("[" * 5000, "no YAML"),
    ],
)
def test_it_refuses_hostile_files(text: str, says: str) -> None:
    with pytest.raises(EngineError, match=says):
        read(text)


def test_values_that_cannot_be_are_listed_and_not_taken() -> None:
    found = read(
        yaml.safe_dump({"learning_rate": "quick", "sequence_len": 3, "adapter": "loha", "rl": "grpo", "lora_r": [1]})
    )
    assert found.training == {} and found.adapter == "lora" and found.method == "sft"
    assert {one.name for one in found.left_out} == {"learning_rate", "sequence_len", "adapter", "rl", "lora_r"}
