"""The rows for replay: chat rows that can be trained on, unlike any probe, and our own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from engine.data.examples import load
from engine.evaluation.suite_rows import BUILT_IN, load_suite
from engine.samples import GENERAL_ROWS


def grams(text: str, size: int) -> Iterator[tuple[str, ...]]:
    found = re.findall(r"\w+", text.lower())
    return zip(*(found[start:] for start in range(size)), strict=False)


def texts() -> list[str]:
    return [f"{row.example.prompt_text} {row.example.answer}" for row in load(GENERAL_ROWS)]


def test_it_holds_64_rows_none_of_them_twice() -> None:
    rows = load(GENERAL_ROWS)
    assert len(rows) == 64 == len({row.example.prompt_text for row in rows})
    assert all(row.example.shape == "messages" and row.example.answer for row in rows)


def test_it_shares_no_wording_with_what_a_run_is_judged_by() -> None:
    ours = {gram for text in texts() for gram in grams(text, 7)}
    for name in BUILT_IN:
        suite = load_suite(name)
        asked = [row.text for row in suite.passages] + [row.question for row in suite.questions]
        asked += [str(turn["content"]) for prompt in suite.prompts for turn in prompt.messages]
        for text in asked:
            assert not ours & set(grams(text, 7)), text


def test_it_was_not_taken_from_public_rows(public_data: Path) -> None:
    ours = {gram for text in texts() for gram in grams(text, 9)}
    shared: dict[tuple[str, ...], str] = {}
    for path in sorted(public_data.rglob("*")):
        if path.suffix in {".json", ".jsonl", ".csv", ".txt"}:
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                shared.update({gram: path.name for gram in grams(line.replace("\\n", " "), 9) if gram in ours})
    assert shared == {}
