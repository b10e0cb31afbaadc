"""What a page shows of the rows is what the run trains: the same tokens, lengths and share, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from engine.errors import EngineError
from engine.training.light_tokenizer import LightTokenizer, same_tokens
from engine.training.sampling import sample
from engine.training.spec import TrainingSpec
from tests.engine.training.conftest import Prepare, make_rows, train_folder, write_rows
from tests.engine.training.test_train_methods import ROWS
from tests.engine.training.test_train_methods import prepared as prepared
from tests.home import ROOT

TURNS: list[list[dict[str, Any]]] = [
    [{"role": "user", "content": "Grüße, 你好 🙂"}, {"role": "assistant", "content": "1,234.5 <b>ok</b>"}],
    [{"role": "system", "content": "Short."}, {"role": "user", "content": "a\n\n b"}],
]


@pytest.mark.parametrize("fixture", ["tiny_model", "starter_model"])
def test_it_writes_what_transformers_writes(fixture: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(fixture)
    light, full = LightTokenizer(folder), AutoTokenizer.from_pretrained(folder)
    for turns in TURNS:
        for ask in (False, True):
            text = full.apply_chat_template(turns, tokenize=False, add_generation_prompt=ask)
            assert light.apply_chat_template(turns, add_generation_prompt=ask) == text
            theirs = full(text, add_special_tokens=False, return_offsets_mapping=True)
            ours = light(text, add_special_tokens=False)
            assert ours["input_ids"] == theirs["input_ids"]
            assert [tuple(pair) for pair in ours["offset_mapping"]] == theirs["offset_mapping"]
            assert light.decode(ours["input_ids"]) == full.decode(theirs["input_ids"])
    assert light.eos_token_id == full.eos_token_id
    assert light.get_vocab() == full.get_vocab()


@pytest.mark.parametrize("method", ROWS)
def test_its_lengths_and_share_are_those_of_the_run(prepared: Prepare, method: str) -> None:
    folder = prepared("run", method, training={"max_steps": 1, "dry_run": False})
    found = sample(TrainingSpec.from_json(json.loads((folder / "spec.json").read_text())))
    encoded = train_folder(folder).of("log", code="encoded")[0]
    assert found is not None and found.rows == 32
    assert found.longest == encoded["longest"]
    assert found.trained_share == pytest.approx(encoded["trained_tokens"] / encoded["tokens"])
    assert all(sum(taught for _, taught in one.parts) for one in found.seen)


def test_it_needs_no_torch_and_says_nothing_of_rows_it_cannot_read(prepare: Prepare, tmp_path: Path) -> None:
    folder = prepare("run")
    code = (
        "import sys, json; from engine.training.spec import TrainingSpec; from engine.training.sampling import sample;"
        "found = sample(TrainingSpec.from_json(json.load(open(sys.argv[1]))));"
        "print(found.rows, [name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    argv = [sys.executable, "-c", code, str(folder / "spec.json")]
    assert subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "32 []"
    document = json.loads((folder / "spec.json").read_text())
    empty = write_rows(tmp_path / "empty.jsonl", [{"something": "else"}])
    assert sample(TrainingSpec.from_json({**document, "data": {"train": str(empty)}})) is None
    document["data"]["train"] = str(write_rows(tmp_path / "one.jsonl", make_rows(1, 1)))
    document["model"]["path"] = str(tmp_path)
    with pytest.raises(EngineError, match="cannot be read here"):
        sample(TrainingSpec.from_json(document))


def test_it_tells_models_of_other_tokens_apart(tiny_model: Path, starter_model: Path, tmp_path: Path) -> None:
    assert same_tokens(tiny_model, tiny_model) is True
    assert same_tokens(tiny_model, starter_model) is False
    assert same_tokens(tiny_model, tmp_path) is None
