"""The support-ticket sample: written again it is the same, its answers stand in its text, its flaws where it says."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from engine import samples
from engine.errors import EngineError
from engine.samples.support_tickets import phrases
from engine.samples.support_tickets.__main__ import write_sample
from engine.samples.support_tickets.planting import UNUSABLE

KEYS = ["category", "product", "urgency", "order_id", "wants_refund"]
SAMPLE = samples.load("support_tickets")
PLANTED = SAMPLE.planted["tickets.jsonl"]
Row = dict[str, Any]


def rows(path: Path) -> dict[int, Row]:
    """Every line that parses, by its physical number."""
    found: dict[int, Row] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found[number] = json.loads(line)
        except ValueError:
            continue
    return found


def prompt(row: Row) -> str:
    return str(row["messages"][0]["content"])


def answer(row: Row) -> str:
    return str(row["messages"][1]["content"])


def usable(path: Path) -> list[Row]:
    return [row for row in rows(path).values() if prompt(row) and answer(row)]


def test_it_writes_the_committed_files_again_byte_for_byte(tmp_path: Path) -> None:
    write_sample(tmp_path)
    committed = SAMPLE.train_file.parent
    for name in ("tickets.jsonl", "sample.json"):
        assert (tmp_path / name).read_bytes() == (committed / name).read_bytes()


def test_it_loads_with_a_prompt_that_names_every_key_and_value() -> None:
    assert SAMPLE.task_type == "extraction"
    values = (*phrases.CATEGORIES, *phrases.PRODUCTS, *phrases.URGENCIES, *KEYS)
    assert [word for word in values if word not in SAMPLE.system_prompt] == []


def test_it_refuses_a_name_that_is_no_sample() -> None:
    with pytest.raises(EngineError) as caught:
        samples.load("../../etc")
    assert caught.value.reason == "Config"
    assert "support_tickets" in caught.value.remedy


@pytest.mark.parametrize("path", [SAMPLE.train_file, SAMPLE.test_file], ids=lambda path: path.name)
def test_it_answers_in_one_line_of_json_with_known_labels(path: Path) -> None:
    for row in usable(path):
        found = json.loads(answer(row))
        assert list(found) == KEYS
        assert "\n" not in answer(row)
        assert found["category"] in phrases.CATEGORIES
        assert found["product"] in phrases.PRODUCTS
        assert found["urgency"] in phrases.URGENCIES
        assert isinstance(found["wants_refund"], bool)


@pytest.mark.parametrize("path", [SAMPLE.train_file, SAMPLE.test_file], ids=lambda path: path.name)
def test_it_names_the_product_and_the_order_in_the_ticket(path: Path) -> None:
    for row in usable(path):
        found = json.loads(answer(row))
        assert [name for name in phrases.PRODUCTS if name in prompt(row).lower()] == [found["product"]]
        written = [word.strip(".,:!?") for word in prompt(row).split() if word[1:2] == "-" and word[2:3].isdigit()]
        assert written == ([found["order_id"]] if found["order_id"] else [])


def test_it_plants_what_sample_json_says() -> None:
    lines = SAMPLE.train_file.read_text(encoding="utf-8").splitlines()
    parsed = rows(SAMPLE.train_file)
    assert len(lines) == PLANTED["lines"] == 400
    assert [n for n in range(1, 401) if n not in parsed] == PLANTED["malformed_json"]
    assert [n for n, row in parsed.items() if not answer(row)] == PLANTED["empty_answer"]
    assert [n for n, row in parsed.items() if not prompt(row)] == PLANTED["empty_prompt"]
    assert [n for n, row in parsed.items() if "@" in prompt(row)] == PLANTED["pii_email"]
    assert [len(PLANTED[code]) for code in UNUSABLE] == [2, 4, 1]
    assert len(usable(SAMPLE.train_file)) == PLANTED["usable"] == 393


def test_it_plants_twelve_surplus_copies_and_no_more() -> None:
    copies: dict[str, list[int]] = defaultdict(list)
    for number, row in rows(SAMPLE.train_file).items():
        copies[json.dumps(row, sort_keys=True)].append(number)
    groups = sorted(lines for lines in copies.values() if len(lines) > 1)
    assert groups == PLANTED["exact_duplicate"]["groups"]
    assert sum(len(lines) - 1 for lines in groups) == PLANTED["exact_duplicate"]["surplus"] == 12


def test_it_plants_one_ticket_with_two_answers() -> None:
    answers: dict[str, set[str]] = defaultdict(set)
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, row in rows(SAMPLE.train_file).items():
        answers[prompt(row)].add(answer(row))
        numbers[prompt(row)].append(number)
    assert [numbers[text] for text, found in answers.items() if len(found) > 1] == PLANTED["conflicting_answers"]


def test_it_leaks_exactly_one_test_row_from_the_training_file() -> None:
    trained = {prompt(row): number for number, row in rows(SAMPLE.train_file).items()}
    held_out = rows(SAMPLE.test_file)
    leaks = [{"line": n, "train_line": trained[prompt(row)]} for n, row in held_out.items() if prompt(row) in trained]
    assert leaks == SAMPLE.planted["tickets_test.jsonl"]["leak_identical"]
    assert len(leaks) == 1
    assert held_out[leaks[0]["line"]] == rows(SAMPLE.train_file)[leaks[0]["train_line"]]
    assert len(held_out) == SAMPLE.planted["tickets_test.jsonl"]["lines"] == 40


def test_it_uses_every_label_often_enough_to_be_learnt() -> None:
    for key in ("category", "product", "urgency", "wants_refund"):
        count = Counter(json.loads(answer(row))[key] for row in usable(SAMPLE.train_file))
        assert min(count.values()) >= 40, (key, count)
