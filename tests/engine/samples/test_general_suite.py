"""The general probe suite: what a forgetting curve rests on must be balanced, unique and our own."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import engine

SUITE = Path(engine.__file__).parent / "evaluation" / "suites" / "general"
DOMAINS = {"everyday", "science", "history", "geography", "reasoning", "technology", "literature", "work"}
Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    return [json.loads(line) for line in (SUITE / name).read_text(encoding="utf-8").splitlines()]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def grams(text: str, size: int = 8) -> Iterator[tuple[str, ...]]:
    found = words(text)
    return zip(*(found[start:] for start in range(size)), strict=False)


@pytest.mark.parametrize("name", ["passages.jsonl", "questions.jsonl"])
def test_it_covers_eight_domains_equally(name: str) -> None:
    count = Counter(row["domain"] for row in rows(name))
    assert set(count) == DOMAINS
    assert set(count.values()) == {8}


@pytest.mark.parametrize(("name", "field"), [("passages.jsonl", "text"), ("questions.jsonl", "question")])
def test_it_has_no_row_twice(name: str, field: str) -> None:
    found = rows(name)
    assert len({row["id"] for row in found}) == len(found)
    assert len({tuple(words(row[field])) for row in found}) == len(found)


def test_it_keeps_passages_short() -> None:
    assert [row["id"] for row in rows("passages.jsonl") if not 40 <= len(row["text"].split()) <= 90] == []


def test_it_shares_no_wording_between_passages() -> None:
    owner: dict[tuple[str, ...], str] = {}
    for row in rows("passages.jsonl"):
        for gram in grams(row["text"], 6):
            assert owner.setdefault(gram, row["id"]) == row["id"], gram


def test_it_offers_two_to_four_distinct_choices_with_one_answer() -> None:
    for row in rows("questions.jsonl"):
        assert set(row) == {"id", "domain", "question", "choices", "answer"}
        assert 2 <= len(row["choices"]) <= 4
        assert len(set(row["choices"])) == len(row["choices"])
        assert row["answer"] in range(len(row["choices"]))


def test_it_puts_the_answer_equally_often_at_each_position() -> None:
    positions: dict[int, Counter[int]] = defaultdict(Counter)
    for row in rows("questions.jsonl"):
        positions[len(row["choices"])][row["answer"]] += 1
    for size, count in positions.items():
        assert set(count) == set(range(size))
        assert max(count.values()) - min(count.values()) <= 1


@pytest.mark.parametrize("pick", [max, min])
def test_it_cannot_be_solved_by_the_length_of_a_choice(pick: Any) -> None:
    found = rows("questions.jsonl")
    chance = sum(1 / len(row["choices"]) for row in found)
    hits = 0.0
    for row in found:
        size = pick(len(choice) for choice in row["choices"])
        ties = [place for place, choice in enumerate(row["choices"]) if len(choice) == size]
        hits += (row["answer"] in ties) / len(ties)
    assert abs(hits - chance) <= 8  # two standard deviations of guessing on these 64 are about 7


def test_it_was_not_taken_from_public_rows(public_data: Path) -> None:
    ours = {gram: row["id"] for row in rows("passages.jsonl") for gram in grams(row["text"])}
    shared: dict[tuple[str, ...], str] = {}
    for path in sorted(public_data.rglob("*")):
        if path.suffix in {".json", ".jsonl", ".csv", ".txt"}:
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                shared.update({gram: path.name for gram in grams(line.replace("\\n", " ")) if gram in ours})
    assert shared == {}
