"""Runs of the real command on a tiny model: rows, a run directory, and what came out of it."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine import events
from engine.__main__ import main
from engine.control import ask

COLOURS = ("red", "green", "blue", "black")
THINGS = ("lamp", "kettle", "router", "chair", "desk")


def make_rows(count: int, seed: int) -> list[dict[str, Any]]:
    """Chat rows whose answer follows from the question, so that there is something to learn."""
    chance = random.Random(seed)
    rows = []
    for _ in range(count):
        colour, thing = chance.choice(COLOURS), chance.choice(THINGS)
        answer = json.dumps({"colour": colour, "thing": thing})
        rows.append(
            {
                "messages": [
                    {"role": "user", "content": f"The {thing} is {colour}."},
                    {"role": "assistant", "content": answer},
                ]
            }
        )
    return rows


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@dataclass
class Finished:
    """A run that came to its end: exit code, run directory, all events."""

    code: int
    folder: Path
    events: list[dict[str, Any]]

    def of(self, kind: str, **having: Any) -> list[dict[str, Any]]:
        return [
            event
            for event in self.events
            if event["kind"] == kind and all(event.get(name) == value for name, value in having.items())
        ]

    @property
    def losses(self) -> list[float]:
        return [event["loss"] for event in self.of("metric") if "loss" in event]

    @property
    def eval_losses(self) -> dict[int, float]:
        return {event["step"]: event["eval_loss"] for event in self.of("metric") if "eval_loss" in event}


def read_run(code: int, folder: Path) -> Finished:
    found, offset = [], 0
    while True:
        batch, offset = events.read(folder / "events.jsonl", offset)
        if not batch:
            return Finished(code, folder, found)
        found += batch


@pytest.fixture(scope="session")
def schooled_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model after a short schooling on the general passages: it knows something that it can forget."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from engine.evaluation.probing import load_suite

    folder = tmp_path_factory.mktemp("models") / "schooled"
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    batch = tokenizer([one.text[:160] for one in load_suite("general").passages], return_tensors="pt", padding=True)
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    torch.manual_seed(3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        model(**batch, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


Train = Callable[..., Finished]
Prepare = Callable[..., Path]


@pytest.fixture
def prepare(tiny_model: Path, tmp_path: Path) -> Prepare:
    """Makes a run directory: quick settings in fp32 without dropout and probes, changed by keyword."""
    write_rows(tmp_path / "train.jsonl", make_rows(32, 1))
    write_rows(tmp_path / "validation.jsonl", make_rows(8, 2))

    def make(name: str = "run", *, training: dict[str, Any] | None = None, **changed: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        spec = {
            "schema_version": 1,
            "kind": "train",
            "model": {"path": str(tiny_model), "name": "Tiny"},
            "data": {"train": str(tmp_path / "train.jsonl"), "validation": str(tmp_path / "validation.jsonl")},
            "method": "sft",
            "adapter": "lora",
            "adapter_options": {} if changed.get("adapter") == "full" else {"lora_dropout": 0.0},
            "training": {
                "learning_rate": 1e-2,
                "max_steps": 8,
                "per_device_train_batch_size": 4,
                "gradient_accumulation_steps": 2,
                "cutoff_len": 128,
                "logging_steps": 1,
                "precision": "fp32",
                "task_metric": "off",
                **(training or {}),
            },
            "probes": {"suites": []},
            **changed,
        }
        (folder / "spec.json").write_text(json.dumps(spec))
        return folder

    return make


def train_folder(folder: Path) -> Finished:
    """``python -m engine train FOLDER``, in this process: torch is loaded once for all tests."""
    return read_run(main(["train", str(folder)]), folder)


@pytest.fixture
def train(prepare: Prepare) -> Train:
    def run(name: str = "run", **changed: Any) -> Finished:
        return train_folder(prepare(name, **changed))

    return run


class ControlAt:
    """Leaves a word for a run as soon as it reports a step, as the supervisor would."""

    def __init__(self, folder: Path, word: Any, step: int) -> None:
        self._folder, self._word, self._step = folder, word, step
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> ControlAt:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(60)
        ask(self._folder, "")

    def _follow(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            run = read_run(0, self._folder)
            if any(event["step"] >= self._step for event in run.of("progress")):
                ask(self._folder, self._word)
                return
            time.sleep(0.002)
