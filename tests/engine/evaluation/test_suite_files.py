"""Any uploaded rows as a probe suite: read by their shape, scored as a plain loop would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.evaluation.cli import score_file
from engine.evaluation.probing import SuiteError, score_suite
from engine.evaluation.suite_files import ROWS, load_file
from engine.evaluation.suite_rows import Suite, SuiteFile


def written(folder: Path, rows: list[dict[str, Any]]) -> SuiteFile:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return SuiteFile(key="version-1", title="mine v1", path=str(path))


def scores(model: Any, tokenizer: Any, suite: Suite) -> dict[str, float]:
    return {score.measure: score.score for score in score_suite(model, tokenizer, suite)}


def test_it_scores_questions_as_the_score_command_does(
    tiny: Any, tokenizer: Any, tmp_path: Path, tiny_folder: Path
) -> None:
    rows = [
        {"query": f"The {thing} is", "choices": ["red", "the lazy dog", "near the river"], "gold": n % 3}
        for n, thing in enumerate(("fox", "dog", "sky", "river", "bank", "quick fox"))
    ]
    file = written(tmp_path, rows)
    suite = load_file(file)
    import argparse

    options = argparse.Namespace(
        file=Path(file.path), model=tiny_folder, adapter=None, delimiter=" ", batch_size=4, limit=None
    )
    assert suite.measures == ("accuracy",)
    assert scores(tiny, tokenizer, suite)["accuracy"] == score_file(options)["acc"]


def test_it_asks_for_an_answer_as_the_harness_does(tmp_path: Path) -> None:
    rows = [{"query": "Question: What is ice?", "choices": ["water", "stone"], "gold": 0}]
    assert load_file(written(tmp_path, rows)).questions[0].context == "Question: What is ice?\nAnswer:"


def test_it_scores_the_ending_after_each_possible_beginning(tiny: Any, tokenizer: Any, tmp_path: Path) -> None:
    rows = [{"context_options": ["The dog saw the fox and", "red green blue"], "continuation": "jumps over", "gold": 1}]
    question = load_file(written(tmp_path, rows)).questions[0]
    assert question.choices == ("The dog saw the fox and", "red green blue") and question.answer == 1
    assert question.continuation == " jumps over"
    assert scores(tiny, tokenizer, load_file(written(tmp_path, rows)))["accuracy"] in (0.0, 1.0)


def test_it_counts_continuations_that_the_model_would_write(tiny: Any, tokenizer: Any, tmp_path: Path) -> None:
    import torch

    ids = tokenizer("The quick brown")["input_ids"]
    with torch.no_grad():
        best = int(tiny(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
    own = tokenizer.decode([best])
    rows = [
        {"context": "The quick brown", "continuation": own if own.startswith(" ") else f" {own}"},
        {"context": "The quick brown", "continuation": " something else entirely"},
    ]
    suite = load_file(written(tmp_path, rows))
    assert suite.measures == ("continuation",)
    assert scores(tiny, tokenizer, suite)["continuation"] <= 0.5


def test_it_offers_labels_of_the_file_after_the_chat_template(tiny: Any, tokenizer: Any, tmp_path: Path) -> None:
    rows = [{"text": f"My order {n} is late.", "label": f"label {n % 12}"} for n in range(40)]
    suite = load_file(written(tmp_path, rows))
    assert all(len(question.choices) == 8 and question.messages for question in suite.questions)
    assert {question.choices[question.answer] for question in suite.questions} == {f"label {n}" for n in range(12)}
    assert 0 <= scores(tiny, tokenizer, suite)["accuracy"] <= 1


def test_it_measures_answers_and_their_form(tiny: Any, tokenizer: Any, tmp_path: Path) -> None:
    rows = [{"prompt": f"Order {n}", "completion": json.dumps({"kind": "bug", "order": n})} for n in range(30)]
    suite = load_file(written(tmp_path, rows))
    assert suite.measures == ("answer_loss", "format")
    assert len(suite.answers) == 30 and len(suite.prompts) == 16
    assert suite.prompts[0].rule == {"kind": "json_object", "keys": ["kind", "order"]}
    found = scores(tiny, tokenizer, suite)
    assert found["answer_loss"] > 1 and found["format"] == 0


def test_it_measures_the_loss_of_plain_text(tiny: Any, tokenizer: Any, tmp_path: Path) -> None:
    rows = [{"text": "The quick brown fox jumps over the lazy dog."}, {"text": "   "}]
    suite = load_file(written(tmp_path, rows))
    assert suite.measures == ("loss",) and len(suite.passages) == 1
    assert scores(tiny, tokenizer, suite)["loss"] > 0


def test_it_draws_the_same_rows_again(tmp_path: Path) -> None:
    rows = [{"query": f"Is {n} even?", "choices": ["yes", "no"], "gold": n % 2} for n in range(500)]
    file = written(tmp_path, rows)
    first, again, other = load_file(file), load_file(file), load_file(file, seed=1)
    assert first == again != other
    assert len(first.questions) == ROWS


def test_it_asks_fewer_rows_where_they_are_long(tmp_path: Path) -> None:
    rows = [{"query": "word " * 2000, "choices": ["yes", "no"], "gold": n % 2} for n in range(60)]
    assert load_file(written(tmp_path, rows)).size == 16
    rows = [{"query": "word " * 200, "choices": ["yes", "no"], "gold": n % 2} for n in range(60)]
    assert 35 <= load_file(written(tmp_path, rows)).size <= 40


@pytest.mark.parametrize("rows", [[], [{"prompt": "a", "chosen": "b", "rejected": "c"}], [{"nonsense": 1}]])
def test_it_refuses_a_file_that_cannot_be_asked(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(SuiteError, match="mine v1"):
        load_file(written(tmp_path, rows))


def test_it_refuses_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="could not be read"):
        load_file(SuiteFile(key="version-1", title="mine v1", path=str(tmp_path / "gone.jsonl")))


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("arc_easy", "accuracy"),
        ("piqa", "accuracy"),
        ("boolq", "accuracy"),
        ("winograd_wsc", "accuracy"),
        ("winogrande", "accuracy"),
        ("commonsense_qa", "accuracy"),
        ("lambada_openai_small", "continuation"),
        ("simple_arithmetic_nospaces", "continuation"),
    ],
)
def test_it_reads_public_task_files(public_data: Path, name: str, measure: str) -> None:
    path = public_data / "llmfoundry_eval" / f"{name}.jsonl"
    suite = load_file(SuiteFile(key="version-1", title=name, path=str(path)))
    assert suite.measures == (measure,) and 0 < suite.size <= ROWS
