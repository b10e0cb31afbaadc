"""Rows of another file: mixed in at a ratio, or added at the end; each says where it comes from."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.data.convert import converted
from engine.data.errors import DataError
from engine.data.example import Example
from engine.data.exports.limits import Inexpressible
from engine.data.formats import detect, to_example
from engine.data.preview import preview
from engine.data.records import row_id
from engine.data.repair import repair
from tests.engine.data.repairing import found_after, lines, repaired
from tests.engine.data.rows import audit_rows, chat, many, qa, write_jsonl
from tests.engine.data.test_detect_formats import ROWS

MIX: dict[str, Any] = {"op": "mix", "other": "general"}
ADD: dict[str, Any] = {"op": "add", "file": "drafts"}


def general(folder: Path, count: int = 100) -> dict[str, Path]:
    rows = [chat(("user", row["prompt"]), ("assistant", row["completion"])) for row in many(count, 1000)]
    return {"general": write_jsonl(folder / "general.jsonl", rows)}


def test_the_mix_has_the_ratio_and_names_each_source(tmp_path: Path) -> None:
    task = many(70)
    rows, result = repaired(tmp_path, task, MIX | {"name": "tickets", "other_name": "chat"}, files=general(tmp_path))
    assert Counter(row["source"] for row in rows) == {"tickets": 70, "chat": 30}
    assert {row["prompt"] for row in rows if row["source"] == "tickets"} == {row["prompt"] for row in task}
    assert {detect(row) for row in rows} == {"prompt_completion"}
    assert (result["added"], result["changed"]) == ({"chat": 30}, {"mix": 70})
    assert result["notes"] == [] and not list(tmp_path.glob("out.jsonl.*"))
    assert [row["source"] for row in rows[:70]] != ["tickets"] * 70  # shuffled
    assert "mixed_shapes" not in found_after(tmp_path)


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        operation = MIX | {"seed": seed}
        digests.append(repaired(tmp_path / name, many(20), operation, files=general(tmp_path))[1]["sha256"])
    assert digests[0] == digests[1] != digests[2]


def test_a_source_that_is_there_stays_and_rows_can_be_followed(tmp_path: Path) -> None:
    task = [*many(6), qa("Known?", "Yes.", source="wiki")]
    rows, _ = repaired(tmp_path, task, MIX, files=general(tmp_path))
    assert Counter(row["source"] for row in rows) == {"task": 6, "wiki": 1, "replay": 3}
    log = lines(tmp_path / "changes.jsonl")
    assert [entry["number"] for entry in log] == [1, 2, 3, 4, 5, 6, None, None, None]
    assert log[0]["before_id"] == row_id(task[0]) and log[0]["after_ids"] == [row_id(task[0] | {"source": "task"})]
    assert {entry["after_ids"][0] for entry in log} <= {row_id(row) for row in rows}


def test_it_says_when_the_other_file_is_too_small(tmp_path: Path) -> None:
    rows, result = repaired(tmp_path, many(70), MIX, files=general(tmp_path, 10))
    assert len(rows) == 80
    assert "10 usable rows where the ratio asks for 30" in result["notes"][0] and "88%" in result["notes"][0]


def test_rows_the_format_has_no_place_for_are_left_behind_and_counted(tmp_path: Path) -> None:
    turns = chat(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"))
    other = write_jsonl(tmp_path / "other.jsonl", [turns, *many(5, 50), {"odd": 1}])
    rows, result = repaired(tmp_path, many(10), MIX | {"ratio": 0.5}, files={"general": other})
    assert len(rows) == 15
    assert "1 with a conversation of several turns" in result["notes"][1] and "cannot be used" in result["notes"][1]


def test_it_refuses_a_file_of_which_no_row_fits(tmp_path: Path) -> None:
    audit_rows(tmp_path, [{"text": f"Some prose number {number} to go on with."} for number in range(20)])
    with pytest.raises(DataError, match="raw text would show") as caught:
        repair(tmp_path / "rows.jsonl", tmp_path / "audit", [MIX], tmp_path / "out.jsonl", files=general(tmp_path))
    assert caught.value.remedy and not list(tmp_path.glob("out.*"))


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        ({"op": "mix"}, "'other' is missing"),
        (MIX | {"other": "absent"}, "no file 'absent'"),
        (MIX | {"ratio": 1}, "between 0 and 1"),
        (MIX | {"name": " "}, "'name' is empty"),
        (MIX | {"seed": -1}, "less than 0"),
        (MIX | {"path": "/etc/passwd"}, "no field 'path'"),
        ({"op": "add"}, "'file' is missing"),
        (ADD | {"origin": ""}, "'origin' is empty"),
        (ADD | {"file": "packed"}, "cannot be read"),
    ],
)
def test_it_refuses_what_it_cannot_put_together(tmp_path: Path, operation: dict[str, Any], says: str) -> None:
    (tmp_path / "packed").write_bytes(b"PK\x03\x04 and more")
    files = general(tmp_path) | {"packed": tmp_path / "packed"}
    with pytest.raises(DataError, match=says) as caught:
        repaired(tmp_path, many(10), operation, files=files)
    assert caught.value.remedy


def test_added_rows_are_marked(tmp_path: Path) -> None:
    drafts = write_jsonl(tmp_path / "drafts.jsonl", [chat(("user", "Q"), ("assistant", "A")), qa("R", "B", source="x")])
    task = many(10)
    rows, result = repaired(tmp_path, task, ADD, files={"drafts": drafts})
    assert rows == [*task, qa("Q", "A", source="synthetic"), qa("R", "B", source="synthetic")]
    assert result["added"] == {"synthetic": 2}
    files = {"drafts": drafts}
    shown = preview(tmp_path / "rows.jsonl", tmp_path / "audit", [ADD], files)
    assert shown["rows_out"] == 12 and [each["kind"] for each in shown["examples"]] == ["added"] * 2


def test_the_preview_of_a_mix_shows_rows_of_both(tmp_path: Path) -> None:
    audit_rows(tmp_path, many(70))
    shown = preview(tmp_path / "rows.jsonl", tmp_path / "audit", [MIX], general(tmp_path), limit=2)
    assert shown["rows_out"] == 100 and shown["operations"][0]["added"] == 30
    assert Counter(each["kind"] for each in shown["examples"]) == {"changed": 2, "added": 2}
    assert shown["examples"][-1]["after"][0]["source"] == "replay"


@pytest.mark.parametrize("row", [row for row, *_ in ROWS], ids=str)
def test_every_format_reads_a_row_with_its_source_as_without(row: dict[str, Any]) -> None:
    marked = row | {"source": "replay"}
    assert detect(marked) == detect(row)
    assert to_example(marked, detect(marked)) == to_example(row, detect(row))


@pytest.mark.parametrize("target", ["messages", "sharegpt", "alpaca", "prompt_completion"])
def test_a_question_and_its_answer_keep_both_in_every_form(target: str) -> None:
    example: Example = to_example(converted(qa("Q", "A"), target), target)
    assert (example.prompt_text, example.answer) == ("Q", "A")


@pytest.mark.parametrize(
    ("row", "target"),
    [
        (qa("Q", "A"), "classification"),
        (qa("Q", "A"), "preference"),
        (qa("Q", "A"), "kto"),
        (qa("Q", "A"), "text"),
        ({"text": "prose"}, "messages"),
        ({"prompt": "Q", "chosen": "A", "rejected": "B"}, "messages"),
        (qa("Q", "A", label=True), "messages"),
    ],
)
def test_what_would_lose_its_meaning_is_not_converted(row: dict[str, Any], target: str) -> None:
    with pytest.raises(Inexpressible):
        converted(row, target)


def test_a_shuffle_of_many_buckets_keeps_every_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.data import shuffled

    monkeypatch.setattr(shuffled, "BUCKET_BYTES", 1000)
    source = write_jsonl(tmp_path / "a", many(300))
    before = source.read_bytes().splitlines()
    writer = shuffled.shuffle(source, tmp_path / "b", 3)
    after = (tmp_path / "b").read_bytes().splitlines()
    assert sorted(after) == sorted(before) and after != before and writer.rows == 300
    assert json.loads(after[0]) and sorted(path.name for path in tmp_path.iterdir()) == ["b"]
