"""Recall and false alarms of every check, on files with planted defects. ``plants.PLANTS`` has a row for each code."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.data.audit import AuditRequest, audit
from engine.data.checks import checks
from engine.data.index import open_index
from tests.engine.data.planted import Planting, clean, write
from tests.engine.data.plants import PLANTS, plant
from tests.engine.data.rows import finding
from tests.home import ROOT

RECALL, FALSE_ALARMS = 0.99, 0.001
ROWS, PLANTED, SEEDS = 300, 20, (1, 2)
# These need a model, a package or a lexicon; their own tests plant their defects, in the files named.
ELSEWHERE = {
    "pii_name": "tests/engine/data/checks/test_unsafe_and_names.py",
    "unsafe_content": "tests/engine/data/checks/test_unsafe_and_names.py",
    "unsafe_by_model": "tests/engine/data/checks/test_unsafe_and_names.py",
    "over_cutoff": "tests/engine/data/test_count_tokens.py",
    "no_supervised_tokens": "tests/engine/data/test_count_tokens.py",
}
# A classifier's doubts, said to be rows to read: what it must reach is lower.
LEAST_RECALL = {"suspicious_label": 0.8}
MOST_FALSE = {"suspicious_label": 0.03}


def flagged(folder: Path, planting: Planting) -> tuple[dict[str, Any], dict[str, set[int]]]:
    """The document, and the places (from 0) of the rows with each finding."""
    path = write(folder / "planted.jsonl", planting.lines)
    document = audit(AuditRequest(path, **planting.options), folder / "audit")
    connection = open_index(folder / "audit" / "index.sqlite")
    found: dict[str, set[int]] = {}
    for code, number in connection.execute("select code, number from finding_row"):
        found.setdefault(code, set()).add(number - 1)
    connection.close()
    return document, found


@pytest.mark.parametrize("code", [code for code in PLANTS if PLANTS[code].fine is None])
def test_it_finds_what_was_planted_and_little_else(tmp_path: Path, code: str) -> None:
    hits = planted = alarms = others = 0
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        planting = plant(code, folder, seed, ROWS, PLANTED)
        _, found = flagged(folder, planting)
        rows = found.get(code, set())
        hits, planted = hits + len(rows & planting.defective), planted + len(planting.defective)
        alarms += len(rows - planting.defective)
        others += len(planting.lines) - len(planting.defective)
    assert planted >= 6
    assert hits / planted >= LEAST_RECALL.get(code, RECALL)
    assert alarms / others <= MOST_FALSE.get(code, FALSE_ALARMS)


@pytest.mark.parametrize("code", [code for code in PLANTS if PLANTS[code].fine is not None])
def test_it_tells_a_file_with_the_defect_from_one_without(tmp_path: Path, code: str) -> None:
    for seed in SEEDS:
        chance = random.Random(seed)
        with_it, without = PLANTS[code].whole, PLANTS[code].fine
        assert with_it is not None and without is not None
        assert finding(flagged(tmp_path, with_it(chance, tmp_path))[0], code)["count"] > 0
        assert finding(flagged(tmp_path, without(chance, tmp_path))[0], code)["count"] == 0


def test_sound_rows_raise_false_alarms_in_at_most_one_row_of_a_thousand(tmp_path: Path) -> None:
    document, found = flagged(tmp_path, Planting(list(clean(3000, 11)), set()))
    alarms = Counter({code: len(rows) for code, rows in found.items()})
    assert all(count <= FALSE_ALARMS * 3000 for count in alarms.values()), alarms
    assert document["readiness"]["grade"] == "ready"


def test_every_code_has_a_planted_test() -> None:
    codes = {about.code for check in checks() for about in check.ABOUT}
    assert codes - set(PLANTS) - set(ELSEWHERE) == set(), "plant the defect in tests/engine/data/plants.py"
    assert set(PLANTS) <= codes
    for code, file in ELSEWHERE.items():
        assert f'"{code}"' in (ROOT / file).read_text(encoding="utf-8")
