"""Counts on public rows, confirmed by a few independent lines each."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.data.audit import AuditRequest, audit
from engine.data.index import open_index
from tests.engine.data.rows import finding, write_jsonl

SURPLUS = {
    "llamafactory/alpaca_en_demo.json": 14,
    "llamafactory/dpo_en_demo.json": 5,
    "llamafactory/glaive_toolcall_en_demo.json": 35,
    "llamafactory/identity.json": 0,
    "llamafactory/kto_en_demo.json": None,
    "llmfoundry_eval/arc_easy.jsonl": None,
    "llmfoundry_eval/simple_arithmetic_nospaces.jsonl": None,
}


def rows_of(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]


def surplus(texts: list[str]) -> int:
    return sum(count - 1 for count in Counter(texts).values())


@pytest.mark.parametrize("file", SURPLUS)
@pytest.mark.parametrize("as_lines", [False, True])
def test_surplus_copies_agree_with_a_count_of_whole_rows(
    public_data: Path, tmp_path: Path, file: str, as_lines: bool
) -> None:
    rows = rows_of(public_data / file)
    path = write_jsonl(tmp_path / "rows.jsonl", rows) if as_lines else public_data / file
    document = audit(AuditRequest(path), tmp_path / "audit")
    expected = surplus([json.dumps(row, sort_keys=True) for row in rows])
    assert SURPLUS[file] in (None, expected)
    assert finding(document, "exact_duplicate").get("surplus", 0) == expected
    assert document["rows"]["usable"] == len(rows)


def plain(text: str) -> str:
    """The same measure, written another way: NFKC, case, punctuation, white space."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in text).split())


def test_banking77_copies_and_leaks_agree(public_data: Path, tmp_path: Path) -> None:
    def read(name: str) -> list[dict[str, str]]:
        with (public_data / "banking77" / name).open(encoding="utf-8", newline="") as file:
            return [{"text": row["text"], "label": row["category"]} for row in csv.DictReader(file)]

    train, test = read("train.csv"), read("test.csv")
    held = write_jsonl(tmp_path / "test.jsonl", test)
    document = audit(AuditRequest(write_jsonl(tmp_path / "train.jsonl", train), test=held), tmp_path / "audit")
    known = {plain(row["text"]) for row in test}
    leaked = {plain(row["text"]) for row in train} & known
    found = finding(document, "leak_prompt")
    assert {plain(train[line - 1]["text"]) for line in found["lines"]} == leaked
    # Counted from either side: 25 prompts of the test file stand in training, in 25 training rows.
    training = {plain(row["text"]) for row in train}
    assert found["count"] == sum(plain(row["text"]) in training for row in test) == 25
    assert document["label_balance"]["distinct"] == 77
    copies = surplus([plain(row["text"] + " " + row["label"]) for row in train])
    assert finding(document, "exact_duplicate")["count"] == 0
    assert finding(document, "normalised_duplicate")["surplus"] == copies == 30
    # The figure, of texts alone, stands beside both findings.
    for code in ("normalised_duplicate", "conflicting_answers"):
        assert finding(document, code)["same_prompt"] == 31
        assert "31 prompts are copies of an earlier one" in finding(document, code)["measure"]
    # The 31st copy of a text has another label: not a duplicate to remove, but a conflict to decide.
    texts = surplus([plain(row["text"]) for row in train])
    assert texts == 31 and finding(document, "conflicting_answers")["surplus"] == texts - copies


def strings(value: Any) -> list[str]:
    """Every text in a row, in order: its id, and of each turn who speaks and what is said."""
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inside for text in strings(item)]


def trigrams(text: str) -> set[tuple[str, ...]]:
    words = plain(text).split()
    return set(zip(words, words[1:], words[2:], strict=False))


def alike(one: set[Any], other: set[Any]) -> float:
    return len(one & other) / (len(one | other) or 1)


def joined(count: int, pairs: list[tuple[int, int]]) -> list[set[int]]:
    """The groups that pairs make of 0 … count - 1, whoever is in one."""
    group = {place: {place} for place in range(count)}
    for a, b in pairs:
        if group[a] is not group[b]:
            group[a] |= group[b]
            group.update(dict.fromkeys(group[b], group[a]))
    return [each for each in {id(each): each for each in group.values()}.values() if len(each) > 1]


def test_dummy_conversation_has_244_surplus_rows_and_they_are_found(public_data: Path, tmp_path: Path) -> None:
    rows = rows_of(public_data / "fastchat" / "dummy_conversation.json")
    places = [(a, b) for b in range(len(rows)) for a in range(b)]
    # The published figure is of whole rows, id and speakers included: groups of pairs at 0.7, all but one of each.
    whole = [trigrams(" ".join(strings(row))) for row in rows]
    groups = joined(len(rows), [(a, b) for a, b in places if alike(whole[a], whole[b]) >= 0.7])
    assert sum(len(group) - 1 for group in groups) == 244
    audit(AuditRequest(write_jsonl(tmp_path / "rows.jsonl", rows)), tmp_path / "audit")
    connection = open_index(tmp_path / "audit" / "index.sqlite")
    select = "select number - 1, group_id from finding_row where code = 'near_duplicate'"
    group_of = dict(connection.execute(select).fetchall())
    connection.close()
    assert all(place in group_of for group in groups for place in group)
    # An id makes no row new, so the audit compares what is said: more rows are alike by that, none of them below 0.5.
    said = [trigrams(" ".join(turn["value"] for turn in row["conversations"])) for row in rows]
    sure = [(a, b) for a, b in places if alike(said[a], said[b]) >= 0.9]
    assert sure and all(a in group_of and group_of[a] == group_of.get(b) for a, b in sure)
    for place, group in group_of.items():
        others = [other for other, its in group_of.items() if its == group and other != place]
        assert max(alike(said[place], said[other]) for other in others) >= 0.5


def test_addresses_agree_with_a_plain_search(public_data: Path, tmp_path: Path) -> None:
    file = public_data / "llamafactory" / "alpaca_en_demo.json"
    document = audit(AuditRequest(file), tmp_path / "audit")
    shaped = re.compile(r"[^\s`]@\w[\w-]*\.\w")
    expected = sum(any(shaped.search(str(value)) for value in row.values()) for row in rows_of(file))
    assert finding(document, "pii_email")["count"] == expected > 0
