from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pytest

from engine.data import columns
from engine.data.columns import Column, equal_groups
from tests.engine.data.rows import audit_rows, many


def expected(values: list[int]) -> list[list[int]]:
    places = defaultdict(list)
    for place, value in enumerate(values):
        if value:
            places[value].append(place)
    return sorted(group for group in places.values() if len(group) > 1)


@pytest.mark.parametrize(("held", "shard"), [(1 << 20, 4_000_000), (100, 4_000_000), (100, 333), (7, 50)])
def test_groups_are_the_same_in_memory_on_disk_and_in_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int, shard: int
) -> None:
    monkeypatch.setattr(columns, "HELD", held)
    monkeypatch.setattr(columns, "SHARD_ROWS", shard)
    chance = random.Random(5)
    values = [chance.choice([0, chance.randrange(1 << 64), chance.randrange(40)]) for _ in range(1000)]
    column = Column(tmp_path)
    for start in range(0, 1000, 60):
        column.extend(values[start : start + 60])
    assert column.values().tolist() == values and len(column) == 1000
    assert sorted(equal_groups(column)) == expected(values)
    assert not list(tmp_path.iterdir())


def test_a_file_that_spills_to_disk_has_the_same_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*many(300), *many(40), *many(3)]
    whole = audit_rows(tmp_path, rows)["findings"]
    monkeypatch.setattr(columns, "HELD", 50)
    monkeypatch.setattr(columns, "SHARD_ROWS", 64)
    spilled = audit_rows(tmp_path, rows)["findings"]
    assert [(f["code"], f["count"], sorted(f.get("groups") or [])) for f in spilled] == [
        (f["code"], f["count"], sorted(f.get("groups") or [])) for f in whole
    ]
