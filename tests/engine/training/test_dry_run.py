"""Before step 1: the first batch in view, the longest one computed, and what to change where memory will not do."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import device
from engine.process import quiet_environment
from engine.training.room import MARK, _boot
from tests.engine.training.conftest import Finished, Prepare, Train, read_run, train_folder, write_rows
from tests.engine.training.test_train_methods import prepared as prepared
from tests.home import ROOT

STEPS = {"max_steps": 3, "eval_steps": 3}
GB = 1 << 30


def test_it_computes_the_longest_batch_first_and_changes_no_loss(train: Train) -> None:
    dropout = {"lora_dropout": 0.2}
    dry = train("dry", training=STEPS, adapter_options=dropout)
    bare = train("bare", training={**STEPS, "dry_run": False}, adapter_options=dropout)
    assert dry.code == bare.code == 0
    assert dry.losses == bare.losses and dry.eval_losses == bare.eval_losses
    assert dry.of("done")[0]["tokens"] == bare.of("done")[0]["tokens"]
    told = dry.of("log", code="dry_run")[0]
    assert told["longest"] == dry.of("log", code="encoded")[0]["longest"] and told["rows"] == 4
    assert told["seq"] < dry.of("metric")[0]["seq"]
    assert not bare.of("log", code="dry_run")
    assert not (dry.folder / MARK).exists()


def test_it_shows_the_first_batch_and_takes_no_random_number_for_it(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"training": STEPS, "adapter_options": {"lora_dropout": 0.2}}
    seen = train("seen", **options)
    monkeypatch.setattr("engine.training.first_batch.describe", lambda *_: {"text": "not looked at"})
    assert train("unseen", **options).losses == seen.losses
    batch = seen.of("log", code="first_batch")[0]
    assert (batch["sequences"], len(batch["rows"])) == (4, 4)
    for row in batch["rows"]:
        (prompt, read), (answer, taught) = row["parts"][:2]
        assert (read, taught) == (False, True)
        assert prompt.startswith("<|im_start|>user\nThe ") and prompt.endswith("assistant\n")
        assert answer.startswith('{"colour": ') and answer.endswith("<|im_end|>")
        assert row["trained"] == len(answer.replace("<|im_end|>", "x"))  # a token is a byte here


def test_it_shows_both_sides_of_pairs_and_masks_addresses(prepared: Prepare, tmp_path: Path) -> None:
    folder = prepared("run", "dpo", training=STEPS)
    rows = [{"prompt": "Who?", "chosen": "jane.doe@example.com", "rejected": "<b>nobody</b>"}] * 8
    write_rows(tmp_path / "dpo-train.jsonl", rows)
    batch = train_folder(folder).of("log", code="first_batch")[0]
    sides = {row["side"]: [text for text, taught in row["parts"] if taught] for row in batch["rows"]}
    assert sides.keys() == {"chosen", "rejected"}
    assert sides["chosen"][0].startswith("j***@e***.com") and sides["rejected"][0].startswith("<b>nobody</b>")


@contextmanager
def memory_left(size: int) -> Iterator[None]:
    """While inside, this process can take so many bytes more and no more."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (device.process_bytes("VmData") + size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.fixture
def large(prepare: Prepare, tmp_path: Path) -> Callable[..., Path]:
    """A run whose longest batch takes about 2.3 GB beside the libraries: attention over 32 rows of 980 tokens."""
    rows = [{"prompt": f"{'word ' * 150}{n}", "completion": "answer " * 30} for n in range(64)]

    def make(name: str, **training: Any) -> Path:
        data = {"train": str(write_rows(tmp_path / "long.jsonl", rows))}
        settings = {
            "per_device_train_batch_size": 32,
            "gradient_accumulation_steps": 1,
            "cutoff_len": 1024,
            "max_steps": 1,
            "gradient_checkpointing": "off",
            **training,
        }
        return prepare(name, data=data, training=settings)

    return make


def error_of(run: Finished) -> dict[str, Any]:
    assert run.code == 1
    return run.of("error")[0]


def test_it_says_before_it_loads_anything_that_memory_will_not_do(large: Callable[..., Path]) -> None:
    with memory_left(64 << 20):
        run = train_folder(large("run"))
    error = error_of(run)
    assert error["reason"] == "OutOfMemory" and "are needed" in error["text"]
    assert not run.of("status", phase="loading")


def test_it_ends_in_the_dry_run_with_a_change_that_fits(large: Callable[..., Path]) -> None:
    # More than the low estimate, so that it is tried, and less than it takes.
    folder = large("run")
    free = train_folder(large("free", dry_run=False, per_device_train_batch_size=1))
    expected = 3.25 * GB
    assert free.code == 0
    with memory_left(max(200 << 20, int(0.82 * expected) - device.process_bytes("VmRSS"))):
        error = error_of(run := train_folder(folder))
    assert run.of("status", phase="dry_run") and not run.of("log", code="dry_run")
    assert error["reason"] == "OutOfMemory"
    assert "in the dry run on the longest batch, before step 1, with a batch of 32 rows" in error["text"]
    assert "Set the batch size to" in error["remedy"] and "GB there are" in error["remedy"]


@pytest.mark.slow
def test_what_it_proposes_runs_under_the_limit_that_ended_the_first(large: Callable[..., Path]) -> None:
    def limited(folder: Path) -> Finished:
        argv = [sys.executable, "-m", "engine", "train", str(folder)]
        limit = lambda: resource.setrlimit(resource.RLIMIT_DATA, (int(2.4 * GB),) * 2)  # noqa: E731
        ended = subprocess.run(argv, cwd=ROOT, env=quiet_environment(), preexec_fn=limit, capture_output=True)
        return read_run(ended.returncode, folder)

    remedy = error_of(limited(large("first", gradient_checkpointing="auto")))["remedy"]
    batch, accumulation = (int(word) for word in remedy.replace(":", " ").split() if word.isdecimal())
    second = limited(large("second", per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation))
    assert (second.code, batch * accumulation) == (0, 32), second.of("error")
    assert second.of("log", code="dry_run")[0]["rows"] == batch


def test_it_knows_that_the_kernel_ended_it_in_its_dry_run(prepare: Prepare) -> None:
    def left_behind(name: str, kills: int) -> Finished:
        folder = prepare(name, training={"max_steps": 1})
        (folder / MARK).write_text(json.dumps({"boot": _boot(), "oom_kills": kills}))
        return train_folder(folder)

    counted = device.oom_kills()
    if counted is None:
        pytest.skip("this kernel does not count the processes it ends")
    error = error_of(left_behind("killed", counted - 1))
    assert error["reason"] == "OutOfMemory" and "the system ended the process" in error["text"]
    assert left_behind("restarted", counted).code == 0, "ended for another reason: it is tried again"


def test_it_measures_what_it_estimated(train: Train) -> None:
    run = train(training={"max_steps": 1})
    estimate = run.of("log", code="memory_estimate")[0]
    assert estimate["low_bytes"] < estimate["expected_bytes"] < estimate["high_bytes"]
    assert run.of("log", code="dry_run")[0]["peak_bytes"] > 100 << 20


@pytest.mark.slow
@pytest.mark.parametrize("changed", [{}, {"adapter": "full"}], ids=["lora", "full"])
def test_a_real_model_takes_what_was_estimated(prepare: Prepare, starter_model: Path, changed: dict[str, Any]) -> None:
    training = {"max_steps": 1, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 1, "precision": "auto"}
    folder = prepare("run", model={"path": str(starter_model)}, training=training, **changed)
    argv = [sys.executable, "-m", "engine", "train", str(folder)]
    run = read_run(subprocess.run(argv, cwd=ROOT, env=quiet_environment(), capture_output=True).returncode, folder)
    assert run.code == 0, run.of("error")
    estimate = run.of("log", code="memory_estimate")[0]
    assert estimate["low_bytes"] <= run.of("done")[0]["peak_bytes"] <= estimate["high_bytes"]
