"""The other built-in suites: balanced, unique, readable, and our own."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.evaluation.suite_rows import BUILT_IN, SUITES, Suite, load_suite, suite_names

OTHERS = [name for name in BUILT_IN if name != "general"]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def grams(text: str, size: int = 8) -> Iterator[tuple[str, ...]]:
    found = words(text)
    return zip(*(found[start:] for start in range(size)), strict=False)


def texts(suite: Suite) -> list[str]:
    asked = [str(turn["content"]) for prompt in suite.prompts for turn in prompt.messages]
    return [row.text for row in suite.passages] + [row.question for row in suite.questions] + asked


def test_it_lists_every_built_in_suite_with_what_it_measures() -> None:
    assert suite_names()[: len(BUILT_IN)] == list(BUILT_IN)
    measures = {name: load_suite(name).measures for name in BUILT_IN}
    assert measures == {
        "general": ("loss", "accuracy"),
        "reasoning": ("loss", "accuracy"),
        "code": ("loss", "accuracy"),
        "instructions": ("format",),
        "safety": ("refusal", "answered"),
    }


@pytest.mark.parametrize("name", OTHERS)
def test_it_has_no_row_twice_and_covers_its_domains_equally(name: str) -> None:
    suite = load_suite(name)
    asked = texts(suite)
    assert len({tuple(words(text)) for text in asked}) == len(asked)
    for rows in (suite.passages, suite.questions, suite.prompts):
        if rows:
            assert len({row.id for row in rows}) == len(rows)
            assert len(set(Counter(row.domain for row in rows).values())) == 1


@pytest.mark.parametrize("name", ["reasoning", "code"])
def test_it_puts_the_answer_equally_often_at_each_position(name: str) -> None:
    positions: dict[int, Counter[int]] = defaultdict(Counter)
    for row in load_suite(name).questions:
        assert len(set(row.choices)) == len(row.choices)
        positions[len(row.choices)][row.answer] += 1
    for size, count in positions.items():
        assert max(count[place] for place in range(size)) - min(count[place] for place in range(size)) <= 1


def test_it_was_not_taken_from_public_rows(public_data: Path) -> None:
    ours = {gram: name for name in OTHERS for text in texts(load_suite(name)) for gram in grams(text)}
    shared: dict[tuple[str, ...], str] = {}
    for path in sorted(public_data.rglob("*")):
        if path.suffix in {".json", ".jsonl", ".csv", ".txt"}:
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                shared.update({gram: path.name for gram in grams(line.replace("\\n", " ")) if gram in ours})
    assert shared == {}


def test_it_keeps_data_and_nothing_else_in_its_folders() -> None:
    assert {path.suffix for path in SUITES.rglob("*") if path.is_file()} <= {".jsonl", ".md"}


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_it_asks_fewer_rows_evenly_over_the_domains(name: str) -> None:
    whole = load_suite(name)
    thin = whole.thinned(16)
    assert thin.measures == whole.measures
    for kind in ("passages", "questions"):
        rows, kept = getattr(whole, kind), getattr(thin, kind)
        assert len(kept) == min(16, len(rows)) and set(kept) <= set(rows)
        counts = Counter(row.domain for row in kept)
        assert not counts or max(counts.values()) - min(counts.values()) <= 1
    for measure in {prompt.measure for prompt in whole.prompts}:
        assert sum(prompt.measure == measure for prompt in thin.prompts) == 16
    assert whole.thinned(1000) == whole
