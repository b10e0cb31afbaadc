"""Edited copies are found, rows that are merely alike are not, and what is reported is truly alike."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.bands import candidate_pairs
from engine.data.index import open_index
from engine.data.split import SplitOptions, split
from tests.engine.data.rows import audit_rows, chat, finding, qa


def sentences(rng: random.Random, words: int) -> list[str]:
    return ["".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(3)) for _ in range(words)]


def edited(rng: random.Random, words: list[str], share: float) -> list[str]:
    copy = list(words)
    for place in rng.sample(range(len(copy)), max(1, int(share * len(copy)))):
        copy[place] = sentences(rng, 1)[0]
    return copy


def trigrams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold())
    return {tuple(words[place : place + 3]) for place in range(len(words) - 2)}


def alike(one: set[Any], other: set[Any]) -> float:
    return len(one & other) / len(one | other)


def test_copies_with_up_to_a_tenth_of_their_words_edited_are_found(tmp_path: Path) -> None:
    rng = random.Random(3)
    originals = [sentences(rng, rng.randint(40, 160)) for _ in range(1500)]
    copies = [edited(rng, originals[number], rng.uniform(0.01, 0.1)) for number in range(500)]
    texts = [*originals, *copies]
    rows = [qa(" ".join(text[:20]) + "?", " ".join(text[20:]).title()) for text in texts]
    found = finding(audit_rows(tmp_path, rows), "near_duplicate")
    groups = {frozenset(group) for group in found["groups"]}
    planted = {frozenset((number + 1, 1501 + number)) for number in range(500)}
    recall = sum(pair <= set(found["lines"]) for pair in planted) / len(planted)
    assert recall >= 0.99
    assert groups <= planted, "a group that was not planted is a false alarm"
    assert found["threshold"] == 0.5 and "3-grams" in found["measure"] and "other words" in found["cannot_see"]


def test_every_alike_pair_of_a_public_file_is_found_and_none_below_the_threshold(
    public_data: Path, tmp_path: Path
) -> None:
    rows = json.loads((public_data / "fastchat" / "dummy_conversation.json").read_text())
    sets = [trigrams(" ".join(turn["value"] for turn in row["conversations"])) for row in rows]
    audit_rows(tmp_path, rows)
    group_of = groups_in(tmp_path / "audit")
    pairs = [(a, b) for b in range(len(sets)) for a in range(b) if alike(sets[a], sets[b]) >= 0.7]
    assert len(pairs) > 1000
    together = sum(a in group_of and group_of[a] == group_of.get(b) for a, b in pairs)
    assert together >= 0.99 * len(pairs)
    for place in group_of:
        assert max(alike(sets[place], sets[other]) for other in range(len(sets)) if other != place) >= 0.5


def groups_in(audit_dir: Path) -> dict[int, int]:
    """Place of a row (from 0) → its group of near-duplicates."""
    connection = open_index(audit_dir / "index.sqlite")
    try:
        select = "select number - 1, group_id from finding_row where code = 'near_duplicate'"
        return dict(connection.execute(select).fetchall())
    finally:
        connection.close()


def test_a_constant_instruction_makes_no_rows_alike(tmp_path: Path) -> None:
    rng = random.Random(5)
    instruction = "Sort the following ticket into one of these classes billing shipping returns or other and say why"
    rows = [qa(f"{instruction}: {' '.join(sentences(rng, 9))}", " ".join(sentences(rng, 3))) for _ in range(300)]
    system = [
        chat(("system", " ".join([instruction] * 9)), ("user", " ".join(sentences(rng, 9))), ("assistant", "fine"))
        for _ in range(300)
    ]
    assert finding(audit_rows(tmp_path, rows), "near_duplicate")["count"] == 0
    assert finding(audit_rows(tmp_path, system), "near_duplicate")["count"] == 0


def test_scripts_without_blanks_are_compared_by_characters(tmp_path: Path) -> None:
    rng = random.Random(9)
    texts = ["".join(chr(rng.randrange(0x4E00, 0x9000)) for _ in range(80)) for _ in range(60)]
    texts.append(texts[7][:40] + "改" + texts[7][41:])
    found = finding(audit_rows(tmp_path, [qa(text[:20], text[20:]) for text in texts]), "near_duplicate")
    assert found["groups"] == [[8, 61]]


def test_plain_copies_are_left_to_the_other_checks_and_join_a_group_of_edited_ones(tmp_path: Path) -> None:
    rng = random.Random(11)
    texts = [sentences(rng, 60) for _ in range(40)]
    rows = [qa(" ".join(text[:10]), " ".join(text[10:])) for text in texts]
    document = audit_rows(tmp_path, [*rows, rows[0], {**rows[1], "completion": rows[1]["completion"].upper()}])
    assert finding(document, "near_duplicate")["count"] == 0
    words = edited(rng, texts[0], 0.05)
    document = audit_rows(tmp_path, [*rows, rows[0], qa(" ".join(words[:10]), " ".join(words[10:]))])
    assert finding(document, "near_duplicate")["groups"] == [[1, 41, 42]]
    assert finding(document, "exact_duplicate")["groups"] == [[1, 41]]


def test_a_split_keeps_a_group_on_one_side(tmp_path: Path) -> None:
    rng = random.Random(13)
    originals = [sentences(rng, 60) for _ in range(200)]
    texts = [*originals, *(edited(rng, text, 0.08) for text in originals[:60])]
    rows = [qa(" ".join(text[:10]), " ".join(text[10:]), n=number) for number, text in enumerate(texts)]
    audit_rows(tmp_path, rows)
    split(tmp_path / "rows.jsonl", tmp_path / "audit", SplitOptions(), tmp_path / "split")
    part_of = {
        json.loads(line)["n"]: name
        for name in ("train", "validation", "test")
        for line in (tmp_path / "split" / f"{name}.jsonl").read_text().splitlines()
    }
    assert [number for number in range(60) if part_of[number] != part_of[200 + number]] == []


def test_large_buckets_give_few_pairs() -> None:
    bands = np.ones((2, 50_000), dtype=np.uint64)
    alike = np.zeros((50_000, 8), dtype=np.uint8)
    pairs, capped = candidate_pairs(bands, np.ones(50_000, dtype=np.bool_), alike)
    assert not capped and len(pairs) < 4 * 50_000


def test_rows_that_met_in_one_band_by_chance_are_no_pair() -> None:
    bands = np.array([[1, 1, 1]], dtype=np.uint64)
    sketches = np.array([[1, 2, 3, 4], [1, 2, 9, 9], [7, 8, 9, 0]], dtype=np.uint8)
    pairs, _ = candidate_pairs(bands, np.ones(3, dtype=np.bool_), sketches)
    assert [(int(pair) >> 32, int(pair) & 0xFFFFFFFF) for pair in pairs] == [(0, 1)]
