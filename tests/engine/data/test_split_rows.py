from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.errors import DataError
from engine.data.records import row_id
from engine.data.split import PARTS, SplitOptions, split
from tests.engine.data.rows import audit_rows, many, qa


def parts_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        for name in PARTS
        if (folder / f"{name}.jsonl").exists()
    }


def test_every_row_is_in_one_part_and_sizes_are_exact(tmp_path: Path) -> None:
    rows = many(400)
    audit_rows(tmp_path, [*rows, {"odd": 1}])
    result = split(tmp_path / "rows.jsonl", tmp_path / "audit", SplitOptions(), tmp_path / "split")
    parts = parts_of(tmp_path / "split")
    assert {name: len(part) for name, part in parts.items()} == {"train": 320, "validation": 40, "test": 40}
    together = [json.dumps(row) for part in parts.values() for row in part]
    assert sorted(together) == sorted(json.dumps(row) for row in rows)
    assert result["left_out"] == 1 and result["parts"]["test"]["rows"] == 40
    for name, part in parts.items():
        ids = (tmp_path / "split" / f"{name}.ids").read_text().split()
        assert ids == [row_id(row) for row in part]


def test_the_same_seed_gives_the_same_parts_and_another_seed_others(tmp_path: Path) -> None:
    audit_rows(tmp_path, many(200))
    shas = [
        split(tmp_path / "rows.jsonl", tmp_path / "audit", SplitOptions(seed=seed), tmp_path / f"s{n}")["parts"][
            "test"
        ]["sha256"]
        for n, seed in enumerate((42, 42, 43))
    ]
    assert shas[0] == shas[1] != shas[2]


def test_a_rows_part_does_not_depend_on_its_place_in_the_file(tmp_path: Path) -> None:
    rows = many(200)
    chosen = []
    for name, order in (("a", rows), ("b", random.Random(1).sample(rows, len(rows)))):
        (tmp_path / name).mkdir()
        audit_rows(tmp_path / name, order)
        split(tmp_path / name / "rows.jsonl", tmp_path / name / "audit", SplitOptions(), tmp_path / name / "split")
        chosen.append({row_id(row) for row in parts_of(tmp_path / name / "split")["test"]})
    assert chosen[0] == chosen[1]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 3)), max_size=60))
def test_copies_and_shared_prompts_stay_on_one_side(
    tmp_path_factory: pytest.TempPathFactory, seed: int, copies: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("split")
    rows = many(100)
    changes = [
        lambda row: row,
        lambda row: qa(row["prompt"].upper(), row["completion"]),
        lambda row: qa(row["prompt"] + "!!", "Nobody knows."),
        lambda row: row | {"id": 1},
    ]
    audit_rows(folder, rows + [changes[change](rows[place]) for place, change in copies])
    split(folder / "rows.jsonl", folder / "audit", SplitOptions(seed=seed), folder / "split")
    seen: dict[str, str] = {}
    for name, part in parts_of(folder / "split").items():
        for row in part:
            assert seen.setdefault(row["prompt"].upper().rstrip("?! "), name) == name


def test_classes_keep_their_shares(tmp_path: Path) -> None:
    labels = ["a"] * 600 + ["b"] * 300 + ["c"] * 100
    rows = [{"text": f"{many(1, n)[0]['prompt']}", "label": label} for n, label in enumerate(labels)]
    random.Random(3).shuffle(rows)
    audit_rows(tmp_path, rows)
    result = split(tmp_path / "rows.jsonl", tmp_path / "audit", SplitOptions(), tmp_path / "split")
    assert result["stratified_by"] == "label"
    for name, part in parts_of(tmp_path / "split").items():
        counts = Counter(row["label"] for row in part)
        whole = 800 if name == "train" else 100
        assert all(abs(counts[label] - whole * share) <= 1 for label, share in (("a", 0.6), ("b", 0.3), ("c", 0.1))), (
            counts
        )


def test_small_files_hold_back_at_least_16_rows(tmp_path: Path) -> None:
    audit_rows(tmp_path, many(60))
    split(tmp_path / "rows.jsonl", tmp_path / "audit", SplitOptions(), tmp_path / "split")
    assert {name: len(part) for name, part in parts_of(tmp_path / "split").items()} == {
        "train": 28,
        "validation": 16,
        "test": 16,
    }


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.1), (0.5, 0.5, 0.0)])
def test_it_refuses_a_file_too_small(tmp_path: Path, fractions: tuple[float, float, float]) -> None:
    audit_rows(tmp_path, many(31))
    with pytest.raises(DataError, match="too few") as caught:
        split(tmp_path / "rows.jsonl", tmp_path / "audit", SplitOptions(fractions), tmp_path / "split")
    assert "at least" in caught.value.remedy and not (tmp_path / "split").exists()


def test_it_refuses_when_duplicates_leave_too_little(tmp_path: Path) -> None:
    audit_rows(tmp_path, many(1) * 100 + many(5, 50))
    with pytest.raises(DataError, match="belong together"):
        split(tmp_path / "rows.jsonl", tmp_path / "audit", SplitOptions(), tmp_path / "split")


def test_a_part_that_is_not_wanted_is_not_written(tmp_path: Path) -> None:
    audit_rows(tmp_path, many(40))
    options = SplitOptions.of({"train": 0.6, "validation": 0.4})
    result = split(tmp_path / "rows.jsonl", tmp_path / "audit", options, tmp_path / "split")
    assert set(result["parts"]) == {"train", "validation"} == set(parts_of(tmp_path / "split"))


@pytest.mark.parametrize("fractions", [(0.0, 0.5, 0.5), (1.2, 0.1, 0.1), (0.8, -0.1, 0.3)])
def test_it_refuses_fractions_that_are_none(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(DataError):
        SplitOptions(fractions)
