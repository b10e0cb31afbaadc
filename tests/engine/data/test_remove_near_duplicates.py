"""Of rows that are alike only those go that are alike to one that stays, and that say the same."""

from __future__ import annotations

import csv
import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.audit import AuditRequest, audit
from engine.data.clusters import groups
from engine.data.errors import DataError
from engine.data.pairs import Pairs, leaving
from engine.data.repair import repair
from tests.engine.data.checks.test_near_duplicate import alike, edited, sentences, trigrams
from tests.engine.data.rows import audit_rows, finding, many, qa

NEAR = {"op": "dedupe", "codes": ["near_duplicate"]}


def gone_from(file: Path, audit_dir: Path, operation: dict[str, Any], out: Path) -> set[int]:
    """The numbers of the rows that a repair takes away."""
    repair(file, audit_dir, [operation], out / "rows.jsonl")
    return {json.loads(line)["number"] for line in (out / "changes.jsonl").read_text().splitlines()}


def said(row: dict[str, Any]) -> str:
    turns = row.get("conversations")
    return " ".join(turn["value"] for turn in turns) if turns else " ".join(map(str, row.values()))


@pytest.mark.parametrize("keep", ["first", "longest"])
def test_each_row_that_goes_is_alike_to_one_that_stays(public_data: Path, tmp_path: Path, keep: str) -> None:
    file = public_data / "fastchat" / "dummy_conversation.json"
    document = audit(AuditRequest(file), tmp_path / "audit")
    rows = json.loads(file.read_text())
    sets = {number: trigrams(said(row)) for number, row in enumerate(rows, 1)}
    gone = gone_from(file, tmp_path / "audit", NEAR | {"keep": keep}, tmp_path / "out")
    stay = sets.keys() - gone
    # A constant opening is no part of what is compared, so a few are just below by their whole words.
    nearest = [max(alike(sets[number], sets[other]) for other in stay) for number in gone]
    assert len(gone) > 400 and sum(likeness >= 0.5 for likeness in nearest) >= 0.99 * len(gone)
    assert min(nearest) > 0.45
    if keep == "first":
        assert len(gone) == finding(document, "near_duplicate")["surplus"]


def test_a_chain_of_likenesses_does_not_take_away_its_far_end(tmp_path: Path) -> None:
    rng = random.Random(4)
    chain = [sentences(rng, 60)]
    for step in range(1, 5):  # each differs from the one before in words of its own
        words = list(chain[-1])
        words[step * 10 : step * 10 + 9] = sentences(rng, 9)
        chain.append(words)
    rows = [*many(250), *(qa(" ".join(words[:10]), " ".join(words[10:])) for words in chain)]
    audit_rows(tmp_path, rows)
    sets = [trigrams(" ".join(words)) for words in chain]
    assert alike(sets[0], sets[1]) > 0.5 > alike(sets[0], sets[2])
    gone = gone_from(tmp_path / "rows.jsonl", tmp_path / "audit", NEAR, tmp_path / "out")
    assert gone == {252, 254}


def test_rows_with_different_labels_are_not_taken_for_one_another(tmp_path: Path) -> None:
    rng = random.Random(6)
    texts = [sentences(rng, 30) for _ in range(120)]
    rows = [qa(" ".join(text), ("billing", "returns")[at % 2]) for at, text in enumerate(texts)]
    same, other = edited(rng, texts[0], 0.05), edited(rng, texts[1], 0.05)
    rows += [qa(" ".join(same), "billing"), qa(" ".join(other), "billing")]
    found = finding(audit_rows(tmp_path, rows), "near_duplicate")
    assert found["count"] == 4 and found["surplus"] == 1 and found["mixed_labels"] == 1
    result = repair(tmp_path / "rows.jsonl", tmp_path / "audit", [NEAR], tmp_path / "out" / "rows.jsonl")
    assert result["dropped"] == {"near_duplicate": 1}
    assert "another label: 2." in result["notes"][0]


@pytest.mark.slow
def test_no_banking_intent_swallows_another(public_data: Path, tmp_path: Path) -> None:
    file = public_data / "banking77" / "train.csv"
    document = audit(AuditRequest(file, file.name), tmp_path / "audit")
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    gone = gone_from(file, tmp_path / "audit", NEAR, tmp_path / "out")
    sets = {number: trigrams(said(row)) for number, row in enumerate(rows, 1)}
    holders: dict[Any, list[int]] = {}
    for number in sets.keys() - gone:
        for run in sets[number]:
            holders.setdefault(run, []).append(number)
    for number in gone:
        near = {other for run in sets[number] for other in holders.get(run, ())}
        kept = [other for other in near if alike(sets[number], sets[other]) >= 0.5]
        assert any(rows[other - 1]["category"] == rows[number - 1]["category"] for other in kept)
    found = finding(document, "near_duplicate")
    assert len(gone) == found["surplus"] and found["mixed_labels"] == 4


def test_rows_that_share_copies_and_likeness_are_one_set(tmp_path: Path) -> None:
    rng = random.Random(8)
    text = sentences(rng, 60)
    near = edited(rng, text, 0.05)
    row, other = (qa(" ".join(words[:10]), " ".join(words[10:])) for words in (text, near))
    rows = [*many(250), row, row, other, other]
    audit_rows(tmp_path, rows)
    both = {"op": "dedupe", "codes": ["exact_duplicate", "near_duplicate"]}
    result = repair(tmp_path / "rows.jsonl", tmp_path / "audit", [both], tmp_path / "out" / "rows.jsonl")
    assert result["dropped"] == {"exact_duplicate": 3}
    assert gone_from(tmp_path / "rows.jsonl", tmp_path / "audit", NEAR, tmp_path / "near") == {252, 253, 254}


def test_an_audit_that_kept_no_pairs_is_refused(tmp_path: Path) -> None:
    audit_rows(tmp_path, many(40))
    with sqlite3.connect(tmp_path / "audit" / "index.sqlite") as index:
        index.execute("drop table near_pair")
    with pytest.raises(DataError, match="does not say which row"):
        repair(tmp_path / "rows.jsonl", tmp_path / "audit", [NEAR], tmp_path / "out" / "rows.jsonl")


PAIRS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.95])))


@given(PAIRS)
def test_what_goes_is_paired_with_what_stays_and_what_stays_is_not(found: list[tuple[int, int, float]]) -> None:
    pairs = pairs_of(found)
    gone = set(leaving(pairs, np.arange(13)).tolist())
    together = {frozenset((one, other)) for one, other, _ in found if one != other}
    for row in gone:
        assert any(frozenset((row, other)) in together for other in set(range(13)) - gone)
    assert not any(not pair & gone for pair in together)


@given(PAIRS)
def test_groups_are_those_of_pairs_taken_one_by_one(found: list[tuple[int, int, float]]) -> None:
    pairs = pairs_of(found)
    expected: dict[int, list[int]] = {}
    for one, other, likeness in sorted(zip(pairs.ones, pairs.others, pairs.likeness, strict=True), key=falling):
        mine, theirs = expected.get(one), expected.get(other)
        if mine is None and theirs is None:
            expected[one] = expected[other] = [one, other]
        elif mine is None or theirs is None:
            group, free = (theirs, one) if mine is None else (mine, other)
            assert group is not None
            group.append(free)
            expected[free] = group
        elif mine is not theirs and likeness >= np.float32(0.7):
            mine += theirs
            expected.update(dict.fromkeys(theirs, mine))
    known = sorted({tuple(sorted(map(int, group))) for group in expected.values()})
    assert [tuple(group) for group in groups(pairs, 0.7)] == known


def falling(pair: tuple[Any, Any, Any]) -> tuple[float, int, int]:
    return -pair[2], pair[0], pair[1]


def pairs_of(found: list[tuple[int, int, float]]) -> Pairs:
    """Each pair once, the smaller first."""
    once = {(min(one, other), max(one, other)): likeness for one, other, likeness in found if one != other}
    flat = np.array(list(once), np.int64).reshape(-1, 2)
    return Pairs(flat[:, 0], flat[:, 1], np.array(list(once.values()), np.float32))
