"""What is exported loads by other libraries' own means and answers as the run did."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GgufConfig

from engine.adapters.table import ADAPTERS
from engine.control import ask
from engine.export.gguf_tokens import SPLITS
from engine.export.merging import load_exact, load_tuned
from tests.engine.export.conftest import Export, Trained, result_of
from tests.engine.training.conftest import read_run

TEXT = "<|im_start|>user\nThe lamp is red: 12  items, naïve 😀.<|im_end|>\n"
MERGE = [name for name, row in ADAPTERS.items() if not row.stays_apart]
APART = [name for name, row in ADAPTERS.items() if row.stays_apart]


def logits(model: Any, tokenizer: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(**tokenizer(TEXT, return_tensors="pt")).logits.float()
    return found


def tuned_logits(tiny_model: Path, checkpoint: Path) -> torch.Tensor:
    return logits(load_tuned(tiny_model, checkpoint), AutoTokenizer.from_pretrained(tiny_model))


@pytest.mark.parametrize("adapter", MERGE)
def test_it_merges_what_can_be_merged(adapter: str, tiny_model: Path, trained: Trained, export: Export) -> None:
    options: dict[str, Any] = {"unfrozen_blocks": 1} if adapter == "hybrid" else {}
    checkpoint = trained(adapter, **options)
    folder = export(checkpoint, adapter, "merged", precision="f32") / "export"
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert not list(folder.glob("adapter*"))
    wanted = tuned_logits(tiny_model, checkpoint)
    assert (logits(model, AutoTokenizer.from_pretrained(folder)) - wanted).abs().max() < 1e-4
    base = logits(load_exact(tiny_model), AutoTokenizer.from_pretrained(tiny_model))
    assert (wanted - base).abs().max() > 1e-2, "the training changed something that the merge could lose"
    replay = result_of(folder.parent)["replay"]
    assert (replay["same_prompts"], replay["same_answers"]) == (4, 4)
    assert replay["logit_difference"] < 1e-4


@pytest.mark.parametrize("adapter", APART)
@pytest.mark.parametrize("form", ["merged", "gguf"])
def test_it_says_why_it_does_not_merge(adapter: str, form: str, tiny_model: Path, export: Export) -> None:
    folder = export(tiny_model, adapter, form, code=1)
    error = read_run(1, folder).of("error")[0]
    assert error["reason"] == "Config"
    assert ADAPTERS[adapter].stays_apart in error["text"]


@pytest.mark.parametrize("adapter", ["lora", "prompt_tuning", "prefix_tuning", "bottleneck"])
def test_it_exports_the_adapter(adapter: str, tiny_model: Path, trained: Trained, export: Export) -> None:
    checkpoint = trained(adapter)
    folder = export(checkpoint, adapter, "adapter") / "export"
    assert str(tiny_model) not in (folder / "adapter_config.json").read_text(), "no path of this machine leaves it"
    replay = result_of(folder.parent)["replay"]
    assert (replay["same_answers"], replay["logit_difference"]) == (4, 0.0)
    if adapter != "bottleneck":  # ours alone
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32), folder)
        found = logits(model, AutoTokenizer.from_pretrained(folder))
        assert torch.allclose(found, tuned_logits(tiny_model, checkpoint), atol=1e-5)


@pytest.mark.parametrize(("precision", "apart"), [("f32", 1e-4), ("f16", 0.05), ("bf16", 0.3), ("q8_0", 0.3)])
def test_it_writes_a_gguf_that_transformers_reads(
    precision: str, apart: float, tiny_model: Path, trained: Trained, export: Export
) -> None:
    checkpoint = trained("lora")
    folder = export(checkpoint, "lora", "gguf", precision=precision) / "export"
    name = f"first-try-{precision.upper()}.gguf"
    reads = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    )
    own = AutoTokenizer.from_pretrained(tiny_model)
    assert reads(TEXT)["input_ids"] == own(TEXT)["input_ids"]
    messages = [{"role": "user", "content": "Hello"}]
    assert reads.apply_chat_template(messages, tokenize=False) == own.apply_chat_template(messages, tokenize=False)
    assert (reads.eos_token, reads.bos_token, reads.pad_token) == (own.eos_token, own.bos_token, own.pad_token)
    assert (logits(model, reads) - tuned_logits(tiny_model, checkpoint)).abs().max() < apart
    replay = result_of(folder.parent)["replay"]
    assert replay["same_prompts"] == 4 and replay["logit_difference"] < apart
    if precision == "f32":
        assert replay["same_answers"] == 4


def test_it_exports_a_run_that_trained_all_weights(tiny_model: Path, trained: Trained, export: Export) -> None:
    folder = export(trained("full"), "full", "adapter", code=1)
    assert "there is no adapter" in read_run(1, folder).of("error")[0]["text"]
    folder = export(trained("full"), "full", "gguf", name="whole", precision="f32")
    assert result_of(folder)["replay"]["same_answers"] == 4


@pytest.mark.parametrize("kind", ["qwen2", "qwen3"])
def test_it_writes_a_gguf_of_each_architecture(kind: str, tiny_model: Path, export: Export, tmp_path: Path) -> None:
    """Llama is the tiny model's own; these have biases, or norms in attention, and split digits off."""
    folder = tmp_path / kind
    shutil.copytree(tiny_model, folder)
    document = json.loads((folder / "tokenizer.json").read_text())
    document["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [{**step, "trim_offsets": True} for step in SPLITS["qwen2"]],
    }
    document["normalizer"] = {"type": "NFC"}
    (folder / "tokenizer.json").write_text(json.dumps(document))
    torch.manual_seed(3)
    config = AutoConfig.for_model(
        kind, vocab_size=264, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=128 if kind == "qwen3" else 8, max_position_embeddings=512,
        tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, pad_token_id=0, initializer_range=0.2,
    )  # fmt: skip
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    made = export(folder, "full", "gguf", model={"path": str(folder), "name": kind}, precision="f32")
    replay = result_of(made)["replay"]
    assert (replay["same_prompts"], replay["same_answers"]) == (4, 4)
    assert replay["logit_difference"] < 1e-3 and replay["same_top"] == 1.0


def test_it_lists_its_files_with_their_digests(trained: Trained, export: Export) -> None:
    folder = export(trained("lora"), "lora", "merged")
    result = result_of(folder)
    assert {file["name"] for file in result["files"]} >= {
        "README.md", "model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "workbench.json",
    }  # fmt: skip
    for file in result["files"]:
        content = (folder / "export" / file["name"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert not (folder / "export.part").exists() and not (folder / "replay.part").exists()


def test_it_keeps_the_precision_of_the_base_model(trained: Trained, export: Export) -> None:
    whole = export(trained("lora"), "lora", "merged", name="whole", limit=0)
    half = export(trained("lora"), "lora", "merged", name="half", precision="bf16", limit=0)
    sizes = [(folder / "export" / "model.safetensors").stat().st_size for folder in (whole, half)]
    assert json.loads((whole / "export" / "config.json").read_text())["dtype"] == "float32"
    assert sizes[1] < 0.6 * sizes[0]


def test_it_stops_when_asked_and_leaves_nothing_half_done(trained: Trained, export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    ask(folder, "stop")
    export(trained("lora"), "lora", "merged", code=3)
    assert not (folder / "export").exists() and not (folder / "result.json").exists()
    ask(folder, "")
    export(trained("lora"), "lora", "merged")
    assert (folder / "export" / "model.safetensors").is_file()


def test_it_names_a_checkpoint_that_is_not_whole(tiny_model: Path, export: Export, tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "adapter_config.json").write_text("{}")
    folder = export(tmp_path / "half", "lora", "merged", code=1)
    error = read_run(1, folder).of("error")[0]
    assert error["reason"] == "Model" and "holds no adapter_model.safetensors" in error["text"]
    assert not (folder / "export").exists()


@pytest.mark.slow
def test_the_starter_model_comes_back_from_its_gguf_bit_for_bit(starter_model: Path, export: Export) -> None:
    """Its bf16 weights fit F16 but for the smallest; digits are split off, which transformers alone would not do."""
    made = export(starter_model, "full", "gguf", model={"path": str(starter_model), "name": "Starter"}, precision="f16")
    replay = result_of(made)["replay"]
    assert (replay["same_prompts"], replay["same_answers"], replay["logit_difference"]) == (4, 4, 0.0)
