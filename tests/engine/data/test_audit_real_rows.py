"""Recall and false alarms on rows that people wrote: 999 of Alpaca, every hit of which was read, with defects planted
among them. Sound rows of the other planted files are made of words without meaning."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.engine.data.planted import Line, Planting, chat
from tests.engine.data.plants import PLANTS
from tests.engine.data.test_audit_planted_defects import flagged

FILE = "llamafactory/alpaca_en_demo.json"
# code → (rows with it, how many of them have it not): each was read. A check that changes asks for reading again.
# Wrong: an actor who says sorry, a worker who calls in sick; two stories set in a
# year to come.
REVIEWED = {
    "html_markup": (6, 0),
    "mixed_markdown": (29, 0),
    "pii_email": (2, 0),
    "pii_phone": (1, 0),
    "placeholder_text": (7, 0),
    "refusal_boilerplate": (29, 2),
    "secret": (1, 0),
    "stale_fact": (19, 2),
    "truncated_answer": (4, 0),
}
# Of the file as a whole, or counted by an independent script (test_audit_public_rows.py).
OF_THE_FILE = {"exact_duplicate", "missing_edge_cases", "rare_cluster", "pii_name"}
RECALL, FALSE_ALARMS = 0.99, 0.001
PLANTED = 8
# Their rows take others along: the shape of all rows, or what is usual among them.
NOT_HERE = {"mixed_shapes", "empty_prompt", "empty_answer", "chosen_equals_rejected"}


@pytest.fixture(scope="module")
def rows(public_data: Path) -> list[Line]:
    held = json.loads((public_data / FILE).read_text(encoding="utf-8"))
    return [chat("\n".join(filter(None, (row["instruction"], row["input"]))), row["output"]) for row in held]


@pytest.fixture(scope="module")
def alone(rows: list[Line], tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[int]]:
    """The places of the rows with each finding, nothing being planted."""
    return flagged(tmp_path_factory.mktemp("alone"), Planting(rows, set()))[1]


def test_what_it_finds_in_real_rows_was_read_and_is_there(alone: dict[str, set[int]], rows: list[Line]) -> None:
    found = {code: len(places) for code, places in alone.items() if code not in OF_THE_FILE}
    assert found == {code: count for code, (count, _) in REVIEWED.items()}
    for code, (count, wrong) in REVIEWED.items():
        assert wrong <= 0.0021 * len(rows) and wrong < count / 2, code


def test_defects_planted_among_real_rows_are_found_and_nothing_else(
    alone: dict[str, set[int]], rows: list[Line], tmp_path: Path
) -> None:
    chance = random.Random(17)
    tagged: list[tuple[Line, str, int]] = [(row, "", place) for place, row in enumerate(rows)]
    for code, each in PLANTS.items():
        if each.make is not None and code not in NOT_HERE:
            tagged += [(line, code, -1) for line in each.make(chance, PLANTED)]
    chance.shuffle(tagged)
    planted = {code: {place for place, (_, of, _) in enumerate(tagged) if of == code} for _, code, _ in tagged if code}
    assert len(planted) > 25
    _, found = flagged(tmp_path, Planting([line for line, _, _ in tagged], set()))
    for code, places in planted.items():
        assert len(found.get(code, set()) & places) >= RECALL * len(places), code
        original = {tagged[place][2] for place in found.get(code, set()) if not tagged[place][1]}
        assert len(original - alone.get(code, set())) <= FALSE_ALARMS * len(rows), code
