"""The specification: one declaration a field, checked, round-tripped, and free of torch."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from engine.adapters.table import ADAPTERS
from engine.methods.table import METHODS
from engine.training.options import SpecError, describe
from engine.training.spec import TrainingOptions, TrainingSpec
from tests.home import ROOT

MINIMAL: dict[str, Any] = {"model": {"path": "m"}, "data": {"train": "d"}}


def test_it_comes_back_from_json_as_it_was() -> None:
    spec = TrainingSpec.from_json(
        {
            **MINIMAL,
            "adapter_options": {"lora_rank": 8},
            "training": {"max_steps": 5, "learning_rate": 1},
            "probes": {"suites": [], "forgetting_limit": 0.1},
        }
    )
    again = TrainingSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.adapter_options.alpha == 16
    assert again.training.learning_rate == 1.0


def test_it_has_the_defaults_of_the_field() -> None:
    options = TrainingSpec.from_json(MINIMAL)
    training, lora = options.training, options.adapter_options
    assert (training.learning_rate, training.num_train_epochs, training.cutoff_len) == (2e-4, 3.0, 2048)
    assert training.effective_batch_size == 16
    assert (lora.lora_rank, lora.alpha, lora.lora_dropout, lora.target_modules) == (16, 32, 0.05, "all-linear")
    assert (training.lr_scheduler_type, training.warmup_ratio, training.seed) == ("cosine", 0.03, 42)


@pytest.mark.parametrize("options", [TrainingOptions, ADAPTERS["lora"].options(), METHODS["sft"].options()])
def test_it_says_of_every_option_what_a_form_needs(options: type[Any]) -> None:
    for item in describe(options):
        assert item.label and item.why.endswith(".")
        assert item.group and item.level in ("simple", "advanced")
        if item.kind == "choice":
            assert item.default in [value for value, _ in item.choices]
        if item.kind in ("int", "float"):
            assert item.minimum is not None


@pytest.mark.parametrize(
    ("changed", "field", "word"),
    [
        ({"training": {"learning_rat": 1}}, "training.learning_rat", "learning_rate"),
        ({"training": {"learning_rate": "fast"}}, "training.learning_rate", "a number"),
        ({"training": {"learning_rate": 0}}, "training.learning_rate", "1e-08"),
        ({"training": {"learning_rate": float("nan")}}, "training.learning_rate", "from"),
        ({"training": {"seed": True}}, "training.seed", "whole number"),
        ({"training": {"num_train_epochs": None}}, "training.num_train_epochs", "number"),
        ({"training": {"optim": "lion"}}, "training.optim", "adamw_torch"),
        ({"training": [1]}, "training", "JSON object"),
        ({"adapter": "nothing"}, "adapter", "lora"),
        ({"method": 3}, "method", "sft"),
        ({"adapter_options": {"lora_rank": 0}}, "adapter_options.lora_rank", "from 1"),
        ({"adapter_options": {"target_modules": "q_proj; rm"}}, "adapter_options.target_modules", "q_proj"),
        ({"adapter": "full", "adapter_options": {"lora_rank": 8}}, "adapter_options.lora_rank", "none"),
        ({"data": {}}, "data.train", "text"),
        ({"model": {"path": "m", "trust_remote_code": True}}, "model.trust_remote_code", "path"),
        ({"probes": {"forgetting_limit": 2}}, "probes.forgetting_limit", "between 0 and 1"),
        ({"schema_version": 9}, "schema_version", "1"),
        ({"output_dir": "/etc"}, "output_dir", "Known"),
    ],
)
def test_it_names_the_field_what_was_found_and_the_remedy(changed: dict[str, Any], field: str, word: str) -> None:
    with pytest.raises(SpecError) as caught:
        TrainingSpec.from_json({**MINIMAL, **changed})
    assert caught.value.field == field
    assert caught.value.found
    assert word in caught.value.remedy


def test_it_has_a_fingerprint_that_follows_settings_but_not_places() -> None:
    first = TrainingSpec.from_json(MINIMAL).fingerprint()
    moved = TrainingSpec.from_json({**MINIMAL, "data": {"train": "elsewhere"}}).fingerprint()
    other = TrainingSpec.from_json({**MINIMAL, "training": {"seed": 1}}).fingerprint()
    prompted = TrainingSpec.from_json({**MINIMAL, "data": {"train": "d", "system_prompt": "Be brief."}}).fingerprint()
    assert first == moved
    assert len({first, other, prompted}) == 3


@pytest.mark.parametrize(("rows", "epochs", "steps"), [(320, 1.0, 40), (321, 1.0, 41), (9, 0.5, 1), (10, 3.0, 6)])
def test_it_counts_steps_as_the_trainer_does(rows: int, epochs: float, steps: int) -> None:
    options = TrainingOptions(num_train_epochs=epochs, per_device_train_batch_size=4, gradient_accumulation_steps=2)
    assert options.total_steps(rows) == steps


def test_it_needs_no_torch() -> None:
    code = (
        "import sys, engine.training.hints, engine.decision.resources, engine.device, engine.methods.cli as cli;"
        "cli.document(); heavy = {'torch', 'transformers', 'peft', 'trl'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
