"""What makes a model worse elsewhere is named: another template, other tokens, other weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from engine.adapters.table import ADAPTERS
from engine.control import Control
from engine.events import EventWriter
from engine.export import gguf_tokens, replay
from engine.export.gguf_layout import ARCHITECTURES, config_refusal
from engine.export.merging import load_tuned
from engine.export.spec import read_spec
from engine.export.work import Work
from engine.interop import model_card
from tests.engine.export.conftest import Export, Trained, result_of
from tests.engine.training.conftest import make_rows, write_rows
from tests.world import save_adapter


def test_it_shows_that_another_template_gives_other_answers(tiny_model: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "adapter"
    save_adapter(tiny_model, checkpoint)
    file = write_rows(tmp_path / "rows.jsonl", make_rows(5, 9))
    spec = {
        "model": {"path": str(tiny_model)}, "checkpoint": str(checkpoint), "adapter": "lora", "form": "adapter",
        "data": {"rows": str(file)},
    }  # fmt: skip
    (tmp_path / "out").mkdir()
    with EventWriter(tmp_path / "events.jsonl") as events:
        work = Work(read_spec(spec), tmp_path / "out", events, Control(tmp_path), 20)
        rows = replay.read_rows(file, "", 3, 42)
        model, tokenizer = load_tuned(tiny_model, checkpoint), AutoTokenizer.from_pretrained(tiny_model)
        asking = replay.Asking(rows, replay.forced_tokens(rows, tokenizer), 24, work)
        own, same, other = (replay.Side(tmp_path / name) for name in ("own", "same", "other"))
        asking.ask(model, tokenizer, own, "it")
        asking.ask(model, tokenizer, same, "it again")
        served = AutoTokenizer.from_pretrained(tiny_model)
        served.chat_template = (
            "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
        )
        asking.ask(model, served, other, "it with another template")
    alike = replay.summary(replay.compare(rows, own, same))
    assert alike == {
        "rows": 3, "answered": 3, "same_prompts": 3, "same_answers": 3, "logit_difference": 0.0, "same_top": 1.0,
    }  # fmt: skip
    found = replay.compare(rows, own, other)
    assert not any(row.same_prompt for row in found)
    assert not all(row.same_answer for row in found), "the trained model answers its own template alone"
    assert {row.logit_difference for row in found} == {0.0}, "the weights are the same: the template is to blame"
    replay.write_rows(tmp_path / "replay.jsonl", found)
    lines = [json.loads(line) for line in (tmp_path / "replay.jsonl").read_text().splitlines()]
    assert {line["row_id"] for line in lines} == {row.row_id for row in rows} and lines[0]["own"] != lines[0][
        "exported"
    ]


def test_it_bounds_what_it_keeps_on_disk(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    rows = replay.read_rows(write_rows(tmp_path / "rows.jsonl", make_rows(10, 9)), "", 10, 42)
    assert {len(answer) > 8 for _, answer in replay.forced_tokens(rows, tokenizer)} == {True}
    monkeypatch.setattr(replay, "SCRATCH_BYTES", 8 * 10 * 4 * len(tokenizer))
    assert {len(answer) for _, answer in replay.forced_tokens(rows, tokenizer)} == {8}


def test_it_compares_raw_text_by_its_logits(tiny_model: Path, trained: Trained, export: Export, tmp_path: Path) -> None:
    texts = write_rows(tmp_path / "texts.jsonl", [{"text": f"The lamp of shelf {n} burns with oil."} for n in range(3)])
    folder = export(trained("lora"), "lora", "merged", data={"rows": str(texts)}, precision="f32")
    found = result_of(folder)["replay"]
    assert (found["rows"], found["answered"]) == (3, 0)
    assert 0 <= found["logit_difference"] < 1e-4


def document(name: str) -> dict[str, object]:
    steps = [{**step, "trim_offsets": True} for step in gguf_tokens.SPLITS[name]]
    model = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
    return {"model": {**model, "ignore_merges": name == "llama-bpe"}, "pre_tokenizer": {
        "type": "Sequence", "pretokenizers": steps}, "normalizer": None, "added_tokens": []}  # fmt: skip


@pytest.mark.parametrize("name", gguf_tokens.SPLITS)
def test_it_knows_how_a_tokenizer_splits_text(name: str) -> None:
    found = document(name)
    assert gguf_tokens.split_name(found) == name and gguf_tokens.tokenizer_refusal(found) == ""
    mended = Tokenizer.from_str(json.dumps({"version": "1.0", **found}))
    pieces = [piece for piece, _ in mended.pre_tokenizer.pre_tokenize_str("In 2024:  12")]
    assert (
        pieces
        == {
            "gpt-2": ["In", "Ġ2024", ":", "Ġ", "Ġ12"],
            "smollm": ["In", "Ġ", "2", "0", "2", "4", ":", "ĠĠ", "1", "2"],
            "llama-bpe": ["In", "Ġ", "202", "4", ":", "Ġ", "Ġ", "12"],
            "qwen2": ["In", "Ġ", "2", "0", "2", "4", ":", "Ġ", "Ġ", "1", "2"],
        }[name]
    )


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"pre_tokenizer": {"type": "Whitespace"}}, "no name in GGUF"),
        ({"normalizer": {"type": "Lowercase"}}, "rewrites text first"),
        ({"model": {"type": "Unigram"}}, "Unigram"),
        ({"model": {"type": "BPE", "byte_fallback": True}}, "byte fallback"),
        ({"model": {"type": "BPE", "merges": [["a", "b"]], "ignore_merges": True}}, "whole words"),
    ],
)
def test_it_refuses_a_tokenizer_it_would_write_wrongly(changed: dict[str, object], word: str) -> None:
    assert word in gguf_tokens.tokenizer_refusal({**document("gpt-2"), **changed})


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"model_type": "gemma3"}, "gemma3"),
        ({"model_type": "llama", "rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "stretched (llama3)"),
        ({"model_type": "qwen2", "use_sliding_window": True}, "window"),
        ({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "head_dim": 32}, "assume 16"),
    ],
)
def test_it_refuses_an_architecture_it_cannot_write(config: dict[str, object], word: str) -> None:
    assert word in config_refusal(config)
    assert all(config_refusal({"model_type": kind}) == "" for kind in ARCHITECTURES)


def test_every_adapter_merges_or_says_why_not() -> None:
    assert {name for name, row in ADAPTERS.items() if row.stays_apart} == {
        "bottleneck", "prompt_tuning", "prefix_tuning",
    }  # fmt: skip


def test_the_card_says_what_was_measured_and_keeps_its_form_against_hostile_names() -> None:
    card = model_card.write(
        {
            "name": "Tickets\n# Injected", "base": {"name": "Tiny", "cannot": ["It is small."]},
            "licence": "Apache-2.0",
            "method": "SFT", "adapter": "LoRA", "system_prompt": "Answer ```json``` only.",
            "data": {"dataset": "tickets", "version": 3, "sha256": "ab" * 32, "rows": {"train": 1200, "test": 0}},
            "settings": [("Learning | rate", "1e-3")], "results": [("Validation loss", "0.512", "200", "")],
            "verdicts": ["Better on 40 rows."], "limits": ["General loss rose by 3 %."], "form": "gguf",
            "precision": "q8_0", "made": {"run": 12, "step": 50, "commit": "c0ffee" * 6},
            "replay": {"rows": 4, "answered": 4, "same_prompts": 4, "same_answers": 3, "logit_difference": 0.25,
                       "same_top": 0.99},
        }
    )  # fmt: skip
    assert card.startswith('---\nlicense: "apache-2.0"\nlibrary_name: gguf\nbase_model: "Tiny"\n')
    assert "\n# Tickets # Injected\n" in card and "\n# Injected" not in card
    assert "````\nAnswer ```json``` only.\n````" in card
    assert "| Learning \\| rate | 1e-3 |" in card and "1,200 train rows" in card
    assert "identical in 3 of 4" in card and "0.25" in card and "Better on 40 rows." in card
    assert "It is small." in card and "General loss rose by 3 %." in card and "run 12, step 50" in card


def test_the_card_says_what_is_missing() -> None:
    card = model_card.write({"name": "x", "form": "merged", "base": {"name": "Tiny"}})
    assert "has not been evaluated" in card and "no row was replayed" in card and "is not recorded here" in card
