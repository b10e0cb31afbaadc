"""Leaks of real benchmarks: most of them ask and do not answer. What cannot be compared is never shown as none."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from datasets_app.audit_page import measures
from tests.engine.data.rows import audit_rows, chat, finding, many, qa, write_jsonl

ASKED = "Which of the seven bridges over the river was built before the great fire of the town?"
PASSAGE = "On a cold morning the surveyor counted the bridges, wrote their names in a small grey book, and went home."


def looked(document: dict[str, Any], code: str) -> dict[str, Any]:
    return next(each for each in document["looked"] if each["code"] == code)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": ASKED},
        {"id": 7, "Question": ASKED, "choices": ["one", "two"]},
        {"question": ASKED, "choices": ["one", "two"], "answer": 1},
        {"instruction": ASKED, "input": ""},
        {"turns": [ASKED, "Say it again in verse."]},
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": ASKED}]},
        {"prompt": [{"role": "user", "content": ASKED}]},
        {"task_id": "HumanEval/0", "prompt": ASKED, "canonical_solution": "    return 1\n", "entry_point": "f"},
        {"prompt": ASKED, "completion": ""},
        {"text": ASKED},
    ],
)
def test_a_held_out_row_without_an_answer_is_compared(tmp_path: Path, row: dict[str, Any]) -> None:
    held = write_jsonl(tmp_path / "test.jsonl", [row, {"prompt": "Something else is asked here, is it not?"}])
    rows = [*many(30), qa(ASKED.upper(), "Two."), qa(f"Tell me. {ASKED} Thanks.", "Two."), qa("Which?", "One.")]
    document = audit_rows(tmp_path, rows, test=held)
    assert finding(document, "leak_prompt")["lines"] == [31]
    assert finding(document, "leak_ngram")["lines"] == [32]
    assert document["test"]["usable"] == 2 and document["test"]["unusable"] == 0
    assert document["test"]["prompts_only"] == (1 if row == {"text": ASKED} else 2)


def test_a_system_turn_or_further_turns_make_it_no_other_question(tmp_path: Path) -> None:
    held = write_jsonl(tmp_path / "test.jsonl", [{"prompt": ASKED}])
    rows = [
        chat(("system", "You are a guide."), ("user", ASKED), ("assistant", "The old one.")),
        chat(("user", ASKED), ("assistant", "Two."), ("user", "Sure?"), ("assistant", "Yes.")),
        chat(("user", "Sure?"), ("assistant", "Yes."), ("user", "Really?"), ("assistant", "Yes.")),
        {"text": ASKED},
    ]
    assert finding(audit_rows(tmp_path, [*many(20), *rows], test=held), "leak_prompt")["lines"] == [21, 22, 24]


def test_the_passages_of_raw_text_are_found(tmp_path: Path) -> None:
    other = "Nothing of this second document stands anywhere in the rows that are trained on, not even in part."
    held = write_jsonl(tmp_path / "test.jsonl", [{"text": PASSAGE}, {"text": other}])
    rows = [*({"text": f"{row['prompt']} {row['completion']}"} for row in many(30)), {"text": f"So. {PASSAGE} So."}]
    document = audit_rows(tmp_path, rows, test=held)
    assert finding(document, "leak_ngram")["lines"] == [31]
    assert finding(document, "leak_prompt")["count"] == 0


def test_a_test_prompt_that_comes_twice_is_still_a_test_prompt(tmp_path: Path) -> None:
    held = write_jsonl(tmp_path / "test.jsonl", [{"prompt": ASKED}, {"prompt": ASKED}])
    rows = [*many(30), qa(f"Tell me. {ASKED} Thanks.", "Two.")]
    assert finding(audit_rows(tmp_path, rows, test=held), "leak_ngram")["lines"] == [31]


def test_what_could_not_be_compared_is_not_shown_as_none(tmp_path: Path) -> None:
    held = write_jsonl(tmp_path / "test.jsonl", [{"who": "knows"}] * 3)
    document = audit_rows(tmp_path, many(30), test=held)
    for code in ("leak_identical", "leak_prompt", "leak_ngram"):
        said = looked(document, code)
        assert said["looked"] is False and said["count"] is None
        assert "none of the 3 held-out rows could be read" in said["why_not"] and "'who'" in said["why_not"]
    shown = {row["title"]: row for row in measures(document)}["Prompts of the test file"]
    assert shown["count"] is None and "not looked for: none of the 3 held-out rows" in shown["without"]
    assert "no held-out data" in looked(audit_rows(tmp_path, many(30)), "leak_prompt")["why_not"]


def test_a_clean_file_is_told_what_cannot_be_seen(tmp_path: Path) -> None:
    held = write_jsonl(tmp_path / "test.jsonl", [{"prompt": ASKED}, {"prompt": "Too short?"}, {"who": 1}])
    document = audit_rows(tmp_path, many(250), test=held)
    codes = ("leak_identical", "leak_prompt", "leak_ngram", "pii_email", "pii_phone", "pii_card", "pii_iban")
    for code in (*codes, "pii_ssn", "pii_ip", "postal_address", "secret", "unsafe_content", "near_duplicate"):
        said = looked(document, code)
        assert (said["looked"], said["count"]) == (True, 0) and said["measure"] and said["cannot_see"], code
    assert "1 of the 2 different held-out prompts are that short" in looked(document, "leak_ngram")["cannot_see"]
    assert "1 held-out row that could not be read" in looked(document, "leak_prompt")["cannot_see"]
    assert looked(document, "unsafe_by_model")["looked"] is False
    assert {row["title"] for row in measures(document)} >= {"E-mail addresses", "Secrets and keys", "Unsafe content"}


def _lines(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


@pytest.mark.parametrize(
    "file",
    [
        "ifeval/input_data.jsonl",
        "do_not_answer/malicious_uses.jsonl",
        "xstest/xstest_prompts.csv",
        "fastchat/mt_bench__question.jsonl",
        "llm_decontaminator/test/HumanEval.jsonl",
    ],
)
def test_rows_trained_on_a_public_benchmark_are_all_found(public_data: Path, tmp_path: Path, file: str) -> None:
    held = _lines(public_data / file)
    prompts = [row["turns"][0] if "turns" in row else row.get("prompt") or row["text"] for row in held]
    rows = [*many(40), *(qa(prompt, f"Answer {place}.") for place, prompt in enumerate(prompts))]
    document = audit_rows(tmp_path, rows, test=public_data / file)
    assert document["test"]["usable"] == len(held) and document["test"]["unusable"] == 0
    assert finding(document, "leak_prompt")["count"] == len(held)
    assert finding(document, "leak_prompt")["lines"] == list(range(41, 41 + len(held)))
