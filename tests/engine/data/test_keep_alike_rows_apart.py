"""After a split no row is alike to one on another side: searched for anew, pair by pair, in the parts as written."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.data.audit import AuditRequest, audit
from engine.data.split import SplitOptions, split
from engine.data.splits import crossing
from tests.engine.data.checks.test_near_duplicate import edited, sentences, trigrams
from tests.engine.data.rows import audit_rows, many, qa


def crossing_pairs(folder: Path, likeness: float) -> int:
    """Pairs of rows in two parts at this Jaccard similarity of word 3-grams or above, found by comparing all."""
    rows: list[tuple[str, set[Any]]] = []
    for name in ("train", "validation", "test"):
        for line in (folder / f"{name}.jsonl").read_text().splitlines():
            row = json.loads(line)
            turns = row.get("conversations")
            text = " ".join(turn["value"] for turn in turns) if turns else " ".join(map(str, row.values()))
            rows.append((name, trigrams(text)))
    holders: dict[Any, list[int]] = {}
    pairs = 0
    for at, (name, runs) in enumerate(rows):
        shared = Counter(other for run in runs for other in holders.get(run, ()))
        for other, both in shared.items():
            their_name, theirs = rows[other]
            pairs += name != their_name and both / (len(runs) + len(theirs) - both) >= likeness
        for run in runs:
            holders.setdefault(run, []).append(at)
    return pairs


def test_no_pair_of_a_public_file_crosses_at_the_threshold_that_is_said(public_data: Path, tmp_path: Path) -> None:
    file = public_data / "fastchat" / "dummy_conversation.json"
    audit(AuditRequest(file), tmp_path / "audit")
    told = split(file, tmp_path / "audit", SplitOptions(), tmp_path / "split")
    # So many of its rows are alike at 0.5 that no part but one would have any.
    assert told["alike"]["threshold"] == 0.6 and told["alike"]["whole"]
    assert told["alike"]["pairs"] == 0 == crossing_pairs(tmp_path / "split", 0.6)
    assert told["alike"]["below"] > 0 and crossing_pairs(tmp_path / "split", 0.5) > 0


@pytest.mark.slow
def test_no_banking_question_crosses(public_data: Path, tmp_path: Path) -> None:
    file = public_data / "banking77" / "train.csv"
    audit(AuditRequest(file, file.name), tmp_path / "audit")
    told = split(file, tmp_path / "audit", SplitOptions(), tmp_path / "split")
    assert told["alike"]["threshold"] == 0.5 and told["alike"]["joined"] > 0
    assert crossing_pairs(tmp_path / "split", 0.5) == 0


def test_a_whole_chain_of_weak_pairs_is_on_one_side(tmp_path: Path) -> None:
    rng = random.Random(21)
    rows = many(300)
    for number in range(40):
        words = sentences(rng, 60)
        for step in range(1, 6):  # each is alike to the one before and to no other
            rows.append(qa(" ".join(words[:10]), " ".join(words[10:]), chain=number))
            words[step * 10 : step * 10 + 9] = sentences(rng, 9)
    audit_rows(tmp_path, rows)
    told = split(tmp_path / "rows.jsonl", tmp_path / "audit", SplitOptions(), tmp_path / "split")
    sides: dict[int, set[str]] = {}
    for name in ("train", "validation", "test"):
        for line in (tmp_path / "split" / f"{name}.jsonl").read_text().splitlines():
            if "chain" in (row := json.loads(line)):
                sides.setdefault(row["chain"], set()).add(name)
    assert len(sides) == 40 and all(len(each) == 1 for each in sides.values())
    assert {name for each in sides.values() for name in each} == {"train", "validation", "test"}
    assert told["alike"]["threshold"] == 0.5 and crossing_pairs(tmp_path / "split", 0.5) == 0


def test_pairs_that_the_audit_did_not_find_are_found_and_put_together(tmp_path: Path) -> None:
    rng = random.Random(22)
    texts = [sentences(rng, 40) for _ in range(300)]
    rows = [qa(" ".join(text[:10]), " ".join(text[10:])) for text in texts + [edited(rng, text, 0.1) for text in texts]]
    audit_rows(tmp_path, rows)
    with sqlite3.connect(tmp_path / "audit" / "index.sqlite") as index:
        index.execute("delete from near_pair")
        index.execute("delete from finding_row where code = 'near_duplicate'")
    told = split(tmp_path / "rows.jsonl", tmp_path / "audit", SplitOptions(), tmp_path / "split")
    assert told["alike"]["joined"] > 50 and told["alike"]["pairs"] == 0
    assert crossing_pairs(tmp_path / "split", 0.5) == 0


def test_a_search_that_was_cut_short_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit_rows(tmp_path, many(400))
    monkeypatch.setattr(crossing, "MOST_HELD", 30)
    told = split(tmp_path / "rows.jsonl", tmp_path / "audit", SplitOptions(), tmp_path / "split")
    assert told["alike"]["compared"] == 30 and told["alike"]["held"] == 80 and not told["alike"]["whole"]


def test_what_stands_in_two_parts_is_measured_on_them(tmp_path: Path) -> None:
    rng = random.Random(23)
    rows = [qa(" ".join(sentences(rng, 30)) + "?", " ".join(sentences(rng, 30))) for _ in range(400)]
    # Fourteen words of another row's question in a long answer: no near-duplicate, and the question itself is taught.
    for at in range(200):
        passage = rows[200 + at]["prompt"].split()[:14]
        rows[at]["completion"] = " ".join([*sentences(rng, 60), *passage, *sentences(rng, 20)])
    audit_rows(tmp_path, rows)
    told = split(tmp_path / "rows.jsonl", tmp_path / "audit", SplitOptions(), tmp_path / "split")
    part_of = {
        json.loads(line)["prompt"]: name
        for name in ("train", "validation", "test")
        for line in (tmp_path / "split" / f"{name}.jsonl").read_text().splitlines()
    }
    expected = Counter((part_of[rows[at]["prompt"]], part_of[rows[200 + at]["prompt"]]) for at in range(200))
    between = {tuple(each["parts"]): each for each in told["leaks"]["between"]}
    assert set(between) == {("train", "validation"), ("train", "test"), ("validation", "test")}
    for parts, each in between.items():
        assert each["kinds"] == {"identical": 0, "prompt": 0, "ngram": expected[parts]}
        assert each["compared"] == each["held"] == 40
    first = between[("train", "test")]["listed"][0]
    asked = int(first["note"].split(" line ")[1].split(" ")[0])
    assert first["note"].endswith("(test).") and rows[asked - 1]["prompt"] in part_of
    assert asked == first["number"] + 200 and "13 words" in first["note"]
