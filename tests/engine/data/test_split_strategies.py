"""Each way to split keeps its promise: times in order, groups whole, test rows not in training, duplicates together."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.errors import DataError
from engine.data.records import Reader
from engine.data.split import PARTS, SplitOptions, split
from engine.data.splits import STRATEGIES, strategies
from engine.data.splits.columns import time_columns, time_of
from tests.engine.data.rows import audit_rows, many, qa, write_jsonl

Parts = dict[str, list[dict[str, Any]]]
DAY = 86400


def parted(
    folder: Path, rows: list[Any], test: list[Any] | None = None, **options: Any
) -> tuple[dict[str, Any], Parts]:
    audit_rows(folder, rows)
    held = write_jsonl(folder / "held.jsonl", test) if test is not None else None
    result = split(folder / "rows.jsonl", folder / "audit", SplitOptions(**options), folder / "split", test=held)
    read = {
        name: [json.loads(line) for line in (folder / "split" / f"{name}.jsonl").read_text().splitlines()]
        for name in PARTS
        if (folder / "split" / f"{name}.jsonl").exists()
    }
    assert {name: len(part) for name, part in read.items()} == {n: p["rows"] for n, p in result["parts"].items()}
    return result, read


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def test_the_table_is_whole() -> None:
    assert [name for name, _ in strategies()] == list(STRATEGIES)
    assert all(way.TITLE and way.ABOUT and way.COLUMN in ("needed", "optional", "none") for _, way in strategies())
    with pytest.raises(DataError, match="no way to split"):
        SplitOptions(strategy="novel")


@settings(max_examples=12, deadline=None)
@given(days=st.lists(st.integers(0, 60), min_size=120, max_size=160), seed=st.integers(0, 99))
def test_by_time_nothing_in_training_is_newer_than_what_it_is_examined_on(
    tmp_path_factory: pytest.TempPathFactory, days: list[int], seed: int
) -> None:
    rows = [row | {"at": iso(1.7e9 + day * DAY)} for row, day in zip(many(len(days)), days, strict=True)]
    try:
        result, parts = parted(tmp_path_factory.mktemp("s"), rows, strategy="time", column="at", seed=seed)
    except DataError as error:
        assert "different time" in error.found or "belong together" in error.found
        return
    assert sum(map(len, parts.values())) == len(rows) and result["time"]["moved"] == 0
    times = {name: [row["at"] for row in part] for name, part in parts.items()}
    assert max(times["train"]) < min(times["validation"]) and max(times["validation"]) < min(times["test"])
    assert result["time"]["ranges"]["train"][1] == max(times["train"])[:19] + "Z"


def test_by_time_a_group_of_copies_goes_with_its_newest_row_and_the_moved_ones_are_counted(tmp_path: Path) -> None:
    rows = [row | {"at": int(1.7e9 + n * DAY)} for n, row in enumerate(many(200))]
    rows[0] = rows[199] | {"at": rows[0]["at"]}
    rows[5] = qa(rows[195]["prompt"].upper(), rows[195]["completion"], at=rows[5]["at"])
    result, parts = parted(tmp_path, rows, strategy="time", column="at")
    assert result["time"]["moved"] == 2
    assert {rows[0]["at"], rows[5]["at"]} <= {row["at"] for row in parts["test"]}
    assert max(row["at"] for row in parts["train"]) < min(row["at"] for row in parts["validation"])


@pytest.mark.parametrize("never", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-05:00"])
def test_by_time_a_moment_outside_the_years_of_utc_is_none(tmp_path: Path, never: str) -> None:
    rows = [{**row, "at": iso(place * DAY)} for place, row in enumerate(many(60))]
    result, _ = parted(tmp_path, [*rows, {**many(1, 900)[0], "at": never}], strategy="time", column="at")
    assert result["time"]["without"] == 1


def test_by_time_rows_without_a_time_are_in_no_part_and_reported(tmp_path: Path) -> None:
    rows = [row | {"at": iso(1.7e9 + n * DAY)} for n, row in enumerate(many(200))]
    for n in range(7):
        rows[n]["at"] = ["soon", None, "", 12, {"y": 1}, "2023-99-99", True][n]
    result, parts = parted(tmp_path, rows, strategy="time", column="at")
    assert result["time"]["without"] == 7 and sum(map(len, parts.values())) == 193


@pytest.mark.parametrize(
    ("column", "rows", "says"),
    [
        ("at", [{"at": "2024-01-01"}], "different time"),
        ("at", [{"at": "2024-01-01"}, {"at": "x"}, {"at": "y"}], "readable time"),
        ("absent", [{"at": "2024-01-01"}], "readable time"),
        ("", [{"at": "2024-01-01"}], "No column"),
    ],
)
def test_by_time_it_refuses_a_column_that_orders_nothing(
    tmp_path: Path, column: str, rows: list[dict[str, Any]], says: str
) -> None:
    audit_rows(tmp_path, [row | rows[n % len(rows)] for n, row in enumerate(many(90))])
    with pytest.raises(DataError, match=says):
        options = SplitOptions(strategy="time", column=column)
        split(tmp_path / "rows.jsonl", tmp_path / "audit", options, tmp_path / "split")
    assert not (tmp_path / "split").exists()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2024-01-31", 1706659200),
        ("2024-01-31T01:00:00+01:00", 1706659200),
        ("2024-01-31T00:00:00Z", 1706659200),
        ("20240131", 1706659200),
        (1706659200, 1706659200),
        (1706659200.5, 1706659200.5),
        (1706659200000, 1706659200),
        ("1706659200000", 1706659200),
        (1706659200000000000, 1706659200),
    ],
)
def test_it_reads_times_as_files_write_them(value: Any, seconds: float) -> None:
    assert time_of(value) == seconds


@pytest.mark.parametrize("value", [None, True, 7, 2024, -5, 1e30, "9" * 400, "yesterday", [], {}, "1_706_659_200"])
def test_it_takes_nothing_else_for_a_time(value: Any) -> None:
    assert math.isnan(time_of(value))


def test_it_offers_the_columns_that_hold_times(tmp_path: Path) -> None:
    rows = [{"id": n, "meta": {"at": iso(1.7e9 + n)}, "year": 2024, "ms": 1_700_000_000_000 + n} for n in range(30)]
    rows[3]["meta"] = {"at": "unknown"}
    reader = Reader(write_jsonl(tmp_path / "rows.jsonl", rows))
    assert time_columns(iter(reader), ["id", "meta", "meta.at", "year", "ms"]) == ["meta.at", "ms"]


@settings(max_examples=12, deadline=None)
@given(
    who=st.lists(st.integers(0, 25), min_size=150, max_size=200),
    copies=st.lists(st.tuples(st.integers(0, 149), st.integers(0, 25)), max_size=6),
    seed=st.integers(0, 99),
)
def test_by_group_no_value_and_no_copy_crosses(
    tmp_path_factory: pytest.TempPathFactory, who: list[int], copies: list[tuple[int, int]], seed: int
) -> None:
    rows = [row | {"user": {"id": f"u{user}"}} for row, user in zip(many(len(who)), who, strict=True)]
    rows += [rows[place] | {"user": {"id": f"u{user}"}} for place, user in copies]
    try:
        result, parts = parted(tmp_path_factory.mktemp("s"), rows, strategy="group", column="user.id", seed=seed)
    except DataError as error:
        assert "belong together" in error.found or "same value" in error.found
        return
    side: dict[str, str] = {}
    for name, part in parts.items():
        for row in part:
            assert side.setdefault(row["user"]["id"], name) == name
            assert side.setdefault(row["prompt"], name) == name
    assert sum(map(len, parts.values())) == len(rows)
    assert result["group"]["values"] == len({row["user"]["id"] for row in rows})


def test_by_group_rows_without_a_value_stand_alone_and_joined_groups_are_counted(tmp_path: Path) -> None:
    rows = [row | {"user": f"u{n // 5}"} for n, row in enumerate(many(200))]
    rows[0] = rows[0] | {"prompt": rows[199]["prompt"], "completion": rows[199]["completion"]}
    rows += [row | {"user": None} for row in many(9, 1000)]
    result, parts = parted(tmp_path, rows, strategy="group", column="user")
    assert result["group"] == {"values": 40, "without": 9, "joined": 1}
    assert 10 <= len(parts["test"]) <= 31 and 10 <= len(parts["validation"]) <= 31


@pytest.mark.parametrize(("column", "says"), [("absent", "No row has a value"), ("one", "the same value")])
def test_by_group_it_refuses_a_column_that_parts_nothing(tmp_path: Path, column: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        parted(tmp_path, [row | {"one": 1} for row in many(90)], strategy="group", column=column)


def test_by_a_column_each_part_has_its_shares_and_the_page_gets_the_counts(tmp_path: Path) -> None:
    rows = [row | {"source": "tickets" if n % 10 < 7 else "replay"} for n, row in enumerate(many(400))]
    result, parts = parted(tmp_path, rows, column="source")
    assert Counter(row["source"] for row in parts["test"]) == {"tickets": 28, "replay": 12}
    assert result["stratified_by"] == "source" == result["shares"]["by"]
    assert result["shares"]["values"][0] == {"value": "tickets", "train": 224, "validation": 28, "test": 28}


def test_by_a_column_with_too_many_values_it_refuses(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1,100 values"):
        parted(tmp_path, [row | {"id": n} for n, row in enumerate(many(1100))], column="id")


def test_random_does_not_look_at_the_classes_and_still_tells_their_shares(tmp_path: Path) -> None:
    labels = ["a"] * 700 + ["ann@example.com"] * 300
    rows = [{"text": row["prompt"], "label": label} for row, label in zip(many(1000), labels, strict=True)]
    result, parts = parted(tmp_path, rows, strategy="random")
    counts = Counter(row["label"] for row in parts["test"])
    assert result["stratified_by"] is None and sum(counts.values()) == 100 and 50 < counts["a"] < 90
    told = result["shares"]["values"]
    assert told[0]["test"] == counts["a"] and "ann@" not in told[1]["value"]


def sentences(start: int, words: int = 40) -> list[str]:
    return [f"w{(start * 7919 + n * 104729) % 1_000_003}" for n in range(words)]


def test_a_test_file_of_its_own_is_the_test_part_and_what_leaked_is_named_and_left_out(tmp_path: Path) -> None:
    test = [qa(" ".join(sentences(n)[:20]), " ".join(sentences(n)[20:])) for n in range(20)]
    edited = sentences(4)
    edited[6], edited[13] = "other", "words"
    leaked = [
        test[0],
        qa(test[1]["prompt"].upper(), "Another answer."),
        qa("Here is more. " + " ".join(sentences(2)[2:18]) + " and so on", "Yes."),
        qa(" ".join(edited[:20]), " ".join(edited[20:])),
    ]
    result, parts = parted(tmp_path, [*many(100), *leaked], test=[*test, {"odd": 1}], strategy="file")
    assert parts["test"] == test and result["test_unusable"] == 1
    assert result["file"]["leaked"] == {"identical": 1, "prompt": 1, "ngram": 1, "near": 1}
    assert [(leak["line"], leak["kind"]) for leak in result["file"]["listed"]] == [
        (101, "identical"),
        (102, "prompt"),
        (103, "ngram"),
        (104, "near"),
    ]
    assert "other words" in result["file"]["cannot_see"]
    together = [row["prompt"] for name in ("train", "validation") for row in parts[name]]
    assert sorted(together) == sorted(row["prompt"] for row in many(100))
    assert len((tmp_path / "split" / "leaked.jsonl").read_text().splitlines()) == 4
    assert (tmp_path / "split" / "test.ids").read_text().count("\n") == 20


def test_copies_of_a_leaked_row_go_with_it_and_leaks_can_be_kept(tmp_path: Path) -> None:
    test = many(20, 500)
    rows = [*many(100), test[0], qa(test[0]["prompt"], "Nobody knows.")]
    result, parts = parted(tmp_path, rows, test=test, strategy="file")
    assert sum(result["file"]["leaked"].values()) == 2 and len(parts["train"]) + len(parts["validation"]) == 100
    (tmp_path / "kept").mkdir()
    result, parts = parted(tmp_path / "kept", rows, test=test, strategy="file", drop_leaked=False)
    assert len(parts["train"]) + len(parts["validation"]) == 102 and sum(result["file"]["leaked"].values()) == 2


def test_a_test_file_that_holds_no_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no row that can be used"):
        parted(tmp_path, many(100), test=[{"odd": 1}], strategy="file")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="No test file"):
        parted(tmp_path / "none", many(100), strategy="file")


@pytest.mark.parametrize("options", [{"strategy": "random"}, {"strategy": "group", "column": "user"}, {}])
def test_the_same_seed_gives_the_same_parts_wherever_rows_stand(tmp_path: Path, options: dict[str, Any]) -> None:
    rows = [row | {"user": n // 4} for n, row in enumerate(many(200))]
    rows += [row | {"user": 99} for row in rows[:3]]
    found = []
    for name, order in (("a", rows), ("b", rows[::-1])):
        (tmp_path / name).mkdir()
        _, parts = parted(tmp_path / name, order, seed=7, **options)
        found.append({name: sorted(row["prompt"] for row in part) for name, part in parts.items()})
    assert found[0] == found[1]
