"""Every method of the table, by the real command on a tiny model: it learns what it is for, resumes, and refuses."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.adapters.table import ADAPTERS
from engine.evaluation.weights import Stable, System
from engine.methods.table import METHODS, refusal
from tests.engine.training.conftest import ControlAt, Finished, Prepare, make_rows, train_folder, write_rows
from tests.engine.training.test_train_adapters import OPTIONS, RATES

WORDS = ("the", "valve", "opens", "when", "pressure", "falls", "and", "water", "flows", "into", "a", "tank", "again")


def preference_rows(count: int, seed: int) -> list[dict[str, Any]]:
    """Prompts whose chosen answer is the JSON and whose rejected one is prose."""
    return [
        {
            "prompt": row["messages"][0]["content"],
            "chosen": row["messages"][1]["content"],
            "rejected": "I think it is " + row["messages"][1]["content"].strip("{}"),
        }
        for row in make_rows(count, seed)
    ]


def kto_rows(count: int, seed: int) -> list[dict[str, Any]]:
    rows = []
    for row in preference_rows(count // 2, seed):
        rows += [
            {"prompt": row["prompt"], "completion": row["chosen"], "label": True},
            {"prompt": row["prompt"], "completion": row["rejected"], "label": False},
        ]
    return rows


def text_rows(count: int, seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [{"text": " ".join(chance.choices(WORDS, k=40))} for _ in range(count)]


ROWS = {
    "sft": make_rows,
    "distillation": make_rows,
    "cpt": text_rows,
    "dpo": preference_rows,
    "orpo": preference_rows,
    "kto": kto_rows,
}
SCALE = {"dpo": 1.0, "kto": 1.0}
"""Times the adapter's rate."""


@pytest.fixture
def prepared(prepare: Prepare, tmp_path: Path, tiny_model: Path) -> Prepare:
    """A run directory of a method with rows of its shape."""

    def make(name: str, method: str, adapter: str = "lora", **changed: Any) -> Path:
        for part, count, seed in (("train", 32, 1), ("validation", 8, 2)):
            write_rows(tmp_path / f"{method}-{part}.jsonl", ROWS[method](count, seed))
        training = {
            "learning_rate": RATES[adapter] * SCALE.get(method, 1.0),
            "max_steps": 12,
            "eval_steps": 6,
            "early_stopping_patience": 0,
            "train_on_answers_only": method != "cpt",
            **changed.pop("training", {}),
        }
        data = {part: str(tmp_path / f"{method}-{part}.jsonl") for part in ("train", "validation")}
        more: dict[str, Any] = {"teacher": {"path": str(tiny_model)}} if METHODS[method].needs_teacher else {}
        return prepare(
            name,
            method=method,
            adapter=adapter,
            adapter_options=OPTIONS.get(adapter, {}),
            training=training,
            **{"data": data, **more, **changed},
        )

    return make


def of_method(run: Finished, name: str) -> list[float]:
    return [event[name] for event in run.of("metric") if name in event]


def test_it_has_rows_for_every_method() -> None:
    assert ROWS.keys() == METHODS.keys()


PAIRS = [
    # With LoRA in every run; the others take a minute together.
    pytest.param(method, adapter, marks=[] if adapter == "lora" else [pytest.mark.slow])
    for method in METHODS
    for adapter in ADAPTERS
]


@pytest.mark.parametrize(("method", "adapter"), PAIRS)
def test_it_trains_every_pair_or_says_why_not(prepared: Prepare, tiny_model: Path, method: str, adapter: str) -> None:
    run = train_folder(prepared("run", method, adapter))
    if refusal(method, adapter):
        assert run.code == 1 and refusal(method, adapter) in run.of("error")[0]["text"]
        return
    assert run.code == 0, run.of("error")
    assert run.eval_losses[12] < run.eval_losses[0]
    result = run.folder / str(run.of("done")[0]["result"])
    system = System("t", "T", model=result) if ADAPTERS[adapter].trains_base else System("t", "T", result)
    with Stable(tiny_model).lend(system) as ready:
        ids = torch.tensor([[5, 6, 7, 8]])
        assert ready.model.generate(input_ids=ids, max_new_tokens=4, do_sample=False).shape[1] > 4


@pytest.mark.parametrize("method", ("dpo", "orpo", "kto"))
def test_it_learns_to_prefer_the_chosen_answer(prepared: Prepare, method: str) -> None:
    run = train_folder(prepared("run", method, training={"max_steps": 20, "eval_steps": 10}))
    margins = of_method(run, "eval_reward_margin")
    assert margins[-1] > margins[0] + 0.01
    if method != "kto":
        assert of_method(run, "eval_reward_accuracy")[-1] == 1.0
    assert set(of_method(run, "reward_margin"))


@pytest.mark.parametrize("method", [name for name in METHODS if name != "sft"])
def test_it_resumes_where_it_was(prepared: Prepare, method: str) -> None:
    whole = train_folder(prepared("whole", method))
    folder = prepared("parts", method)
    with ControlAt(folder, "save", step=2):
        stopped = train_folder(folder)
    resumed = train_folder(folder)
    assert (stopped.code, resumed.code) == (3, 0), resumed.of("error")
    assert resumed.losses == pytest.approx(whole.losses, abs=1e-5)
    assert resumed.eval_losses == pytest.approx(whole.eval_losses, abs=1e-5)


@pytest.mark.parametrize("loss", ("ipo", "hinge", "robust", "apo_zero"))
def test_it_takes_the_variants_of_dpo(prepared: Prepare, loss: str) -> None:
    options = {"dpo_loss": loss, "label_smoothing": 0.1 if loss == "robust" else 0.0}
    run = train_folder(prepared("run", "dpo", method_options=options))
    assert run.code == 0, run.of("error")
    assert of_method(run, "eval_reward_margin")[-1] > 0


def test_it_reads_long_texts_in_windows_without_losing_any(prepared: Prepare, tmp_path: Path) -> None:
    run = train_folder(prepared("run", "cpt", training={"cutoff_len": 64, "max_steps": 2}))
    encoded = run.of("log", code="encoded")[0]
    text = sum(len(json.loads(line)["text"]) + 1 for line in (tmp_path / "cpt-train.jsonl").open())
    assert encoded["rows"] > 32 and encoded["longest"] == 64
    assert encoded["trained_tokens"] == encoded["tokens"] >= text  # a token is a byte here, and each text has an end
    assert not run.of("warning")


def test_it_trains_no_token_of_an_overlap_twice(prepared: Prepare) -> None:
    plain = train_folder(prepared("plain", "cpt", training={"cutoff_len": 64, "max_steps": 1}))
    lapped = train_folder(
        prepared("lapped", "cpt", method_options={"window_overlap": 16}, training={"cutoff_len": 64, "max_steps": 1})
    )
    one, other = (run.of("log", code="encoded")[0] for run in (plain, lapped))
    assert one["trained_tokens"] == other["trained_tokens"] and other["tokens"] > one["tokens"]


def test_it_moves_nothing_when_the_teacher_is_the_student(prepared: Prepare) -> None:
    run = train_folder(
        prepared("run", "distillation", method_options={"alpha": 1.0}, training={"learning_rate": 1e-4, "max_steps": 4})
    )
    assert max(map(abs, run.losses)) < 1e-5
    assert run.eval_losses[4] == pytest.approx(run.eval_losses[0], abs=1e-3)


def test_it_nears_a_teacher_that_knows_more(prepared: Prepare, tmp_path: Path) -> None:
    taught = train_folder(prepared("teacher", "sft", "full", training={"max_steps": 40, "learning_rate": 5e-3}))
    teacher = taught.folder / str(taught.of("done")[0]["result"])
    run = train_folder(
        prepared(
            "run",
            "distillation",
            "full",
            teacher={"path": str(teacher)},
            method_options={"alpha": 1.0, "temperature": 1.0},
            training={"max_steps": 40, "learning_rate": 5e-3},
        )
    )
    distances = of_method(run, "distillation_loss")
    assert distances[-1] < 0.7 * distances[0]
    assert run.eval_losses[40] < run.eval_losses[0] - 0.2


def test_it_refuses_a_teacher_with_other_tokens(prepared: Prepare, starter_model: Path) -> None:
    run = train_folder(prepared("run", "distillation", teacher={"path": str(starter_model)}))
    assert (run.code, run.of("error")[0]["reason"]) == (1, "Model")
    assert "another tokenizer" in run.of("error")[0]["text"]


@pytest.mark.parametrize(
    ("method", "changed", "field"),
    [
        ("distillation", {"teacher": None}, "teacher"),
        ("kto", {"training": {"per_device_train_batch_size": 1}}, "per_device_train_batch_size"),
        ("dpo", {"training": {"packing": True}}, "packing"),
        ("dpo", {"method_options": {"dpo_loss": "exo_pair"}}, "label_smoothing"),
    ],
)
def test_it_says_what_cannot_be_run(prepared: Prepare, method: str, changed: dict[str, Any], field: str) -> None:
    run = train_folder(prepared("run", method, **changed))
    assert (run.code, run.of("error")[0]["reason"]) == (1, "Config")
    assert field in run.of("error")[0]["text"]


def test_it_names_the_shapes_a_method_trains_on(prepared: Prepare, tmp_path: Path) -> None:
    run = train_folder(prepared("run", "dpo", data={"train": str(tmp_path / "train.jsonl")}))
    assert run.of("error")[0]["reason"] == "Data"
    assert "preference" in run.of("error")[0]["remedy"]
