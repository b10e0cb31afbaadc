"""Classes brought nearer to one size."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.data.errors import DataError
from engine.data.preview import preview
from tests.engine.data.repairing import repaired
from tests.engine.data.rows import audit_rows, many

SIZES = {"bill": 40, "card": 20, "loan": 5}


def labelled(**sizes: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for label, size in sizes.items():
        rows += [{"text": f"{label} {row['prompt']}", "label": label} for row in many(size, len(rows))]
    return rows


def classes(rows: list[Any]) -> dict[str, int]:
    return dict(Counter(row["label"] for row in rows))


@pytest.mark.parametrize(
    ("operation", "sizes"),
    [
        ({}, {"bill": 5, "card": 5, "loan": 5}),
        ({"target": "median"}, {"bill": 20, "card": 20, "loan": 5}),
        ({"target": 12}, {"bill": 12, "card": 12, "loan": 5}),
        ({"weights": {"bill": 3, "card": 1.6}}, {"bill": 15, "card": 8, "loan": 5}),
        ({"how": "up"}, {"bill": 40, "card": 40, "loan": 40}),
        ({"how": "up", "target": "median"}, {"bill": 40, "card": 20, "loan": 20}),
        ({"how": "up", "target": 18, "weights": {"card": 1.5}}, {"bill": 40, "card": 27, "loan": 18}),
    ],
)
def test_each_class_has_the_rows_asked_for(tmp_path: Path, operation: dict[str, Any], sizes: dict[str, int]) -> None:
    before = labelled(**SIZES)
    rows, result = repaired(tmp_path, before, {"op": "balance"} | operation)
    assert classes(rows) == sizes
    if operation.get("how") == "up":
        assert result["added"] == {"balance": len(rows) - 65} and "duplicates" in result["notes"][0]
        assert [row for place, row in enumerate(rows) if place == 0 or row != rows[place - 1]] == before
        times = Counter(row["text"] for row in rows if row["label"] == "loan").values()
        assert max(times) - min(times) <= 1
    else:
        assert result["dropped"] == {"balance": 65 - len(rows)} and result["notes"] == []


def test_the_draw_depends_on_the_seed_and_not_on_the_order(tmp_path: Path) -> None:
    rows = labelled(**SIZES)

    def drawn(name: str, given: list[Any], **more: Any) -> set[str]:
        (tmp_path / name).mkdir()
        return {row["text"] for row in repaired(tmp_path / name, given, {"op": "balance", **more})[0]}

    first = drawn("a", rows)
    assert drawn("b", rows[::-1]) == first and drawn("c", rows, seed=7) != first


def test_rows_that_go_already_do_not_count(tmp_path: Path) -> None:
    rows = labelled(**SIZES)
    after, _ = repaired(
        tmp_path, [*rows, *rows[:3]], {"op": "dedupe"}, {"op": "balance", "target": "largest", "how": "up"}
    )
    assert classes(after) == {"bill": 40, "card": 40, "loan": 40}


def test_the_preview_counts_the_rows_to_copy(tmp_path: Path) -> None:
    audit_rows(tmp_path, labelled(**SIZES))
    shown = preview(tmp_path / "rows.jsonl", tmp_path / "audit", [{"op": "balance", "how": "up"}], limit=2)
    assert shown["operations"][0]["flagged"] == 25 and shown["rows_out"] == 120
    assert [len(each["after"]) for each in shown["examples"]] == [2, 2]


@pytest.mark.parametrize(
    ("rows", "operation", "says"),
    [
        (many(20), {}, "no classes"),
        (labelled(**SIZES), {"weights": {"house": 2}}, "no class 'house'"),
        (labelled(**SIZES), {"weights": {"bill": 0}}, "weight of 'bill'"),
        (labelled(**SIZES), {"target": 0}, "less than 1"),
        (labelled(**SIZES), {"target": "big"}, "cannot be 'big'"),
        (labelled(**SIZES), {"how": "sideways"}, "cannot be 'sideways'"),
        (labelled(**SIZES), {"seed": "x"}, "whole number"),
    ],
)
def test_it_refuses_what_it_cannot_balance(
    tmp_path: Path, rows: list[Any], operation: dict[str, Any], says: str
) -> None:
    with pytest.raises(DataError, match=says) as caught:
        repaired(tmp_path, rows, {"op": "balance"} | operation)
    assert caught.value.remedy
