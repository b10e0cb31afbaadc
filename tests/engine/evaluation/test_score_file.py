"""`score FILE`: multiple choice through the command's own door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.evaluation.cli import score_main

ROWS = [
    {"query": "Question: What colour is the sky?\nAnswer:", "choices": ["blue", "a lazy dog", "green"], "gold": 0},
    {"query": "The quick brown", "choices": ["fox", "river"], "gold": 1},
    {"query": "", "choices": ["yes", "no"], "gold": 0},
]


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


def run(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, dict[str, Any]]:
    code = score_main([str(a) for a in argv] + ["--json"])
    return code, json.loads(capsys.readouterr().out)


def test_it_scores_rows_with_their_lines(tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "rows.jsonl", [ROWS[0], "", *ROWS[1:]])
    code, document = run(capsys, file, "--model", tiny_folder)
    assert code == 0 and document["n"] == 3
    assert [row["line"] for row in document["rows"]] == [1, 3, 4]
    assert [len(row["log_likelihoods"]) for row in document["rows"]] == [3, 2, 2]
    for row, asked in zip(document["rows"], ROWS, strict=True):
        totals = row["log_likelihoods"]
        assert all(total < 0 for total in totals)
        assert row["choice"] == totals.index(max(totals))
        norm = [total / len(choice) for total, choice in zip(totals, asked["choices"], strict=True)]
        assert row["choice_norm"] == norm.index(max(norm))
    assert document["acc"] == sum(r["choice"] == r["gold"] for r in document["rows"]) / 3


def test_it_scores_another_system_under_an_adapter(
    tiny_folder: Path, tiny_lora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "rows.jsonl", ROWS)
    _, base = run(capsys, file, "--model", tiny_folder)
    _, tuned = run(capsys, file, "--model", tiny_folder, "--adapter", tiny_lora)
    assert base["rows"][0]["log_likelihoods"] != tuned["rows"][0]["log_likelihoods"]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("{not json", "line 2 is not JSON"),
        ("[" * 50_000, "line 2 is not JSON"),
        ({"query": 5, "choices": ["a"], "gold": 0}, "line 2: query"),
        ({"query": "q", "choices": "ab", "gold": 0}, "line 2: choices"),
        ({"query": "q", "choices": ["a", ""], "gold": 0}, "line 2: choices"),
        ({"query": "q", "choices": ["a", "b"], "gold": 2}, "line 2: gold"),
        ({"query": "q", "choices": ["a", "b"], "gold": True}, "line 2: gold"),
        ("[1]", "line 2: query"),
    ],
)
def test_it_refuses_a_row_with_its_line_and_a_remedy(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], row: Any, found: str
) -> None:
    code, document = run(capsys, write(tmp_path / "rows.jsonl", [ROWS[0], row]), "--model", tiny_folder)
    assert code == 2
    assert found in document["refused"]["found"] and document["refused"]["remedy"]


def test_it_refuses_no_rows_and_no_model(tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = write(tmp_path / "empty.jsonl", [])
    assert run(capsys, empty, "--model", tiny_folder)[0] == 2
    assert run(capsys, tmp_path / "none.jsonl", "--model", tiny_folder)[1]["refused"]["reason"] == "Data"
    full = write(tmp_path / "rows.jsonl", ROWS)
    assert run(capsys, full, "--model", tmp_path)[1]["refused"]["reason"] == "Model"


@pytest.mark.slow
def test_it_scores_arc_easy_as_a_plain_loop_over_the_starter_model(
    starter_model: Path, public_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Forty real questions: packed, sorted and head-sparing against one whole forward for each choice."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    arc = public_data / "llmfoundry_eval" / "arc_easy.jsonl"
    rows = [json.loads(line) for line in arc.read_text().splitlines()[:40]]
    code, document = run(capsys, arc, "--model", starter_model, "--limit", "40", "--delimiter", "\nAnswer: ")
    assert code == 0 and document["n"] == 40
    tokenizer = AutoTokenizer.from_pretrained(starter_model)
    model = AutoModelForCausalLM.from_pretrained(starter_model, dtype=torch.float32).eval()
    right = 0
    for row, scored in zip(rows, document["rows"], strict=True):
        totals = []
        for choice in row["choices"]:
            start = len(tokenizer(row["query"])["input_ids"])
            ids = tokenizer(row["query"] + "\nAnswer: " + choice)["input_ids"]
            with torch.no_grad():
                table = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0].double(), -1)
            totals.append(sum(float(table[i - 1, ids[i]]) for i in range(start, len(ids))))
        assert scored["log_likelihoods"] == pytest.approx(totals, abs=2e-2)
        right += totals.index(max(totals)) == row["gold"]
    assert document["acc"] == right / 40
    assert document["acc"] > 0.4, "a model of this kind answers about half of ARC-easy; chance is a quarter"
