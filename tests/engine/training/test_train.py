"""A training run by the real command on a tiny model: what it learns, writes and says."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.data.examples import load
from engine.training.encoding import encode
from tests.engine.training.conftest import Prepare, Train, make_rows, train_folder, write_rows


def reloaded_loss(model: Any, tokenizer: Any, rows: Path) -> float:
    """The loss over trained tokens with whole logits, row by row: nothing of the trainer's is used."""
    total, count = 0.0, 0
    for item in load(rows):
        row, _ = encode(item.example, tokenizer, answers_only=True)
        with torch.inference_mode():
            # Counted from the end: virtual tokens stand in front of the row.
            logits = model(input_ids=torch.tensor([row.input_ids])).logits[0, -len(row.input_ids) : -1].float()
        targets = torch.tensor(row.labels[1:])
        total += float(torch.nn.functional.cross_entropy(logits, targets, ignore_index=-100, reduction="sum"))
        count += int((targets != -100).sum())
    return total / count


def test_it_learns_and_reports_each_step(train: Train) -> None:
    run = train(training={"max_steps": 12, "eval_steps": 4})
    assert run.code == 0
    assert run.losses[-1] < run.losses[0] - 0.3
    assert run.eval_losses[12] < run.eval_losses[0] - 0.3
    assert set(run.eval_losses) == {0, 4, 8, 12}
    assert [event["step"] for event in run.of("progress")] == list(range(1, 13))
    last = run.of("progress")[-1]
    assert last["total"] == 12 and last["eta_s"] == 0 and last["tokens"] > 1000
    metric = run.of("metric", step=12)[-1]
    assert {"loss", "lr", "grad_norm", "tokens_per_s", "rss_bytes", "epoch"} <= set(metric)
    assert run.of("status")[0]["phase"] == "starting"
    assert run.events[-1]["kind"] == "done"


def test_it_saves_an_adapter_that_reloads_to_the_same_loss(train: Train, tiny_model: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run = train()
    done = run.of("done")[0]
    folder = run.folder / done["result"]
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    loss = reloaded_loss(model, tokenizer, run.folder.parent / "validation.jsonl")
    assert loss == pytest.approx(run.eval_losses[8], abs=1e-5)
    saved = run.of("checkpoint", step=8)[0]
    digest = hashlib.sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest()
    assert (saved["path"], saved["sha256"], saved["final"]) == ("checkpoints/step-8", digest, True)
    assert not [path.name for path in folder.iterdir() if path.suffix in (".bin", ".pkl")]


def test_it_trains_all_weights_and_saves_a_model_that_stands_alone(train: Train) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run = train(adapter="full", training={"learning_rate": 2e-3})
    folder = run.folder / run.of("done")[0]["result"]
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.chat_template
    assert model.config.use_cache
    loss = reloaded_loss(model, tokenizer, run.folder.parent / "validation.jsonl")
    assert loss == pytest.approx(run.eval_losses[8], abs=1e-5)
    assert loss < run.eval_losses[0] - 0.3


def test_it_takes_the_same_steps_with_batch_1_x_8_as_with_8_x_1(train: Train) -> None:
    small = train("small", training={"per_device_train_batch_size": 1, "gradient_accumulation_steps": 8})
    large = train("large", training={"per_device_train_batch_size": 8, "gradient_accumulation_steps": 1})
    assert small.losses == pytest.approx(large.losses, abs=2e-4)
    assert small.eval_losses[8] == pytest.approx(large.eval_losses[8], abs=2e-4)


def test_it_takes_the_same_steps_as_the_library_with_its_own_head(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = train("ours")
    monkeypatch.setattr("engine.training.trainer.HEAD_ELEMENTS", 0)
    theirs = train("theirs")
    assert ours.losses == pytest.approx(theirs.losses, abs=1e-4)
    assert ours.eval_losses[8] == pytest.approx(theirs.eval_losses[8], abs=1e-4)


def test_it_measures_in_fp32_whatever_it_trains_in(train: Train) -> None:
    exact = train("exact")
    run = train("half", training={"precision": "bf16"})
    assert run.of("status", phase="loading")[0]["compute"] == "bfloat16"
    assert {event["precision"] for event in run.of("metric") if "eval_loss" in event} == {"float32"}
    assert run.eval_losses[8] == pytest.approx(exact.eval_losses[8], abs=0.1)
    assert run.eval_losses[8] < run.eval_losses[0] - 0.1


def test_it_packs_rows_when_asked(train: Train) -> None:
    run = train(training={"packing": True, "max_steps": 4, "cutoff_len": 256})
    assert run.code == 0
    assert run.losses[-1] < run.losses[0]


def test_it_gives_the_same_run_for_the_same_seed(train: Train) -> None:
    options = {"max_steps": 3}
    adapter = {"lora_dropout": 0.3}
    first = train("first", training=options, adapter_options=adapter)
    again = train("again", training=options, adapter_options=adapter)
    other = train("other", training={**options, "seed": 43}, adapter_options=adapter)
    assert first.losses == again.losses
    assert first.losses != other.losses


def test_it_says_what_it_cut_and_left_out(train: Train, tmp_path: Path) -> None:
    rows = make_rows(8, 3)
    rows[2]["messages"][0]["content"] = "word " * 60
    rows[5]["messages"][1]["content"] = "long " * 60
    write_rows(tmp_path / "long.jsonl", rows)
    run = train(data={"train": str(tmp_path / "long.jsonl")}, training={"max_steps": 1})
    cut, left_out = run.of("warning", code="over_cutoff")[0], run.of("warning", code="no_supervised_tokens")[0]
    assert (cut["lines"], left_out["lines"]) == ([3, 6], [3])
    assert run.of("log", code="encoded")[0]["rows"] == 7


def test_it_keeps_the_newest_checkpoints_and_the_best(train: Train) -> None:
    # A rate that first learns and then breaks: the best step is neither first nor among the newest.
    run = train(
        training={
            "learning_rate": 0.3,
            "max_steps": 12,
            "eval_steps": 1,
            "save_total_limit": 2,
            "early_stopping_patience": 0,
            "lr_scheduler_type": "constant_with_warmup",
            "warmup_ratio": 0.0,
        }
    )
    best = min((loss, step) for step, loss in run.eval_losses.items() if step)[1]
    kept = {path.name for path in (run.folder / "checkpoints").iterdir()}
    assert kept == {f"step-{best}", "step-11", "step-12"}
    assert run.of("done")[0]["result"] == f"checkpoints/step-{best}"
    assert [event["step"] for event in run.of("checkpoint", best=True)][-1] == best
    with_optimizer = {path.parent.name for path in run.folder.glob("checkpoints/*/optimizer.pt")}
    assert with_optimizer == {"step-12"}


def test_it_stops_early_when_validation_no_longer_improves(train: Train) -> None:
    run = train(
        training={"learning_rate": 1.0, "max_steps": 40, "eval_steps": 1, "early_stopping_patience": 2},
        adapter="full",
    )
    assert run.code == 0
    done = run.of("done")[0]
    assert done["ended"] == "early"
    assert done["step"] == done["best_step"] + 2 < 40
    assert run.of("warning", code="early_stopping")


def test_it_records_what_a_repetition_needs(train: Train) -> None:
    run = train(training={"max_steps": 1})
    record = json.loads((run.folder / "environment.json").read_text())
    assert record["packages"]["torch"] == torch.__version__
    assert record["packages"]["bitsandbytes"] and record["packages"]["django"]
    assert record["device"]["processors"] >= 1
    assert len(record["workbench"]["engine_sha256"]) == 64
    spec = json.loads((run.folder / "spec.json").read_text())
    for part, rows in (("train", 32), ("validation", 8)):
        told, file = record["data"]["parts"][part], Path(spec["data"][part])
        assert (told["rows"], told["sha256"]) == (rows, hashlib.sha256(file.read_bytes()).hexdigest())
        ids = (run.folder / told["row_ids"]).read_text().split()
        assert ids == [row.row_id for row in load(file)]
    assert record["model"]["files"]["config.json"]["sha256"]
    assert record["earlier"] == []


def test_it_records_that_it_went_on_with_other_packages(train: Train) -> None:
    run = train(training={"max_steps": 1})
    path = run.folder / "environment.json"
    before = json.loads(path.read_text())
    before["packages"]["torch"] = "1.0"
    path.write_text(json.dumps(before))
    shutil.rmtree(run.folder / "checkpoints")
    train_folder(run.folder)
    assert [told["packages"]["torch"] for told in json.loads(path.read_text())["earlier"]] == ["1.0"]


def test_it_names_the_version_that_the_rows_were_split_from(prepare: Prepare, tmp_path: Path) -> None:
    """The split's own files lie beside the part: its result, and the identities it froze."""
    (tmp_path / "result.json").write_text(json.dumps({"source_sha256": "ab" * 32, "seed": 7, "strategy": "random"}))
    (tmp_path / "train.ids").write_text("cd" * 32 + "\n")
    folder = prepare("split", training={"max_steps": 1})
    train_folder(folder)
    data = json.loads((folder / "environment.json").read_text())["data"]
    assert data["version_sha256"] == "ab" * 32 and data["split"]["seed"] == 7
    assert (folder / "rows" / "train.ids").read_text() == "cd" * 32 + "\n"
