"""Rows that a person rewrote, and rows read by a mapping."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.data.audit import AuditRequest, audit
from engine.data.errors import DataError
from engine.data.preview import preview
from engine.data.records import row_id
from engine.data.repair import repair
from tests.engine.data.repairing import found_after, repaired
from tests.engine.data.rows import audit_rows, many, qa, write_jsonl


def edit(*pairs: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return {"op": "edit", "edits": [{"row_id": row_id(before), "row": after} for before, after in pairs]}


def test_an_edited_row_is_written_and_can_be_followed(tmp_path: Path) -> None:
    before = many(20)
    new = qa("New?", "Yes.", note="by hand")
    rows, result = repaired(tmp_path, before, edit((before[4], new)), {"op": "drop", "numbers": [1]})
    assert rows == [*before[1:4], new, *before[5:]]
    assert (result["changed"], result["dropped"]) == ({"edit": 1}, {"chosen": 1})
    log = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text().splitlines()]
    assert log == [
        {"number": 1, "line": 1, "op": "drop", "before_id": row_id(before[0]), "after_ids": []},
        {"number": 5, "line": 5, "op": "edit", "before_id": row_id(before[4]), "after_ids": [row_id(new)]},
    ]


def test_the_preview_shows_the_edited_row_wherever_it_stands(tmp_path: Path) -> None:
    before = many(2500)
    audit_rows(tmp_path, before)
    shown = preview(tmp_path / "rows.jsonl", tmp_path / "audit", [edit((before[2400], qa("New?", "Yes.")))])
    assert shown["operations"][0]["flagged"] == 1
    assert [each["line"] for each in shown["examples"]] == [2401]


def test_other_operations_work_on_the_edited_row(tmp_path: Path) -> None:
    before = many(3)
    rows, _ = repaired(tmp_path, before, edit((before[0], qa("Mail?", "a@b.example"))), {"op": "redact"})
    assert rows[0] == qa("Mail?", "[EMAIL]")


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        ([{"row_id": "0" * 64, "row": qa("a", "b")}], "not in this version"),
        ([{"row_id": "x", "row": qa("a", "b")}], "not in this version"),
        ([{"row_id": "0" * 64, "row": qa("a", "")}], "'completion' is empty"),
        ([{"row_id": "0" * 64, "row": {"odd": 1}}], "No known shape"),
        ([{"row_id": "0" * 64, "row": qa("a", "b", big=2**70)}], "64 bits"),
        ([{"row_id": "0" * 64}], "lacks"),
        ([{"row_id": "0" * 64, "row": qa("a", "b")}] * 2, "twice"),
        ([], "no edit"),
    ],
)
def test_it_refuses_an_edit_it_cannot_make(tmp_path: Path, edits: list[Any], says: str) -> None:
    audit_rows(tmp_path, many(5))
    with pytest.raises(DataError, match=says) as caught:
        repair(tmp_path / "rows.jsonl", tmp_path / "audit", [{"op": "edit", "edits": edits}], tmp_path / "out.jsonl")
    assert caught.value.remedy and not list(tmp_path.glob("out.jsonl*"))


def test_a_row_that_another_operation_takes_away_cannot_be_edited(tmp_path: Path) -> None:
    before = many(5)
    with pytest.raises(DataError, match="takes them away"):
        repaired(tmp_path, before, {"op": "drop", "numbers": [3]}, edit((before[2], qa("a", "b"))))


def test_a_mapping_makes_rows_of_a_known_shape(tmp_path: Path) -> None:
    odd = [{"ask": f"Q{number}", "say": {"text": f"A{number}"}, "id": number} for number in range(20)]
    columns = {"prompt": "ask", "completion": "say.text"}
    operation = {"op": "map", "mapping": {"format": "prompt_completion", "columns": columns}}
    rows, result = repaired(tmp_path, odd, operation)
    assert rows[3]["prompt"] == "Q3" and rows[3]["completion"] == "A3" and rows[3]["other"]["id"] == 3
    assert result["changed"] == {"map": 20}
    assert "unknown_shape" not in found_after(tmp_path)


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"format": "odd", "columns": {}},
        {"format": "text", "columns": {}},
        {"format": "text", "columns": {"text": 1}},
    ],
)
def test_it_refuses_a_mapping_that_is_not_whole(tmp_path: Path, mapping: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        repaired(tmp_path, many(3), {"op": "map", "mapping": mapping})
    assert caught.value.remedy


def test_a_line_that_cannot_be_read_is_written_anew_by_its_number(tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "rows.jsonl", many(30))
    file.write_text(file.read_text() + '{"prompt": \n')
    audit(AuditRequest(file), tmp_path / "audit")
    out = tmp_path / "out" / "rows.jsonl"
    result = repair(file, tmp_path / "audit", [{"op": "edit", "edits": [{"number": 31, "row": qa("Q", "A")}]}], out)
    assert result["changed"] == {"edit": 1} and result["rows_out"] == 31
    assert json.loads(out.read_text().splitlines()[-1]) == qa("Q", "A")
    log = [json.loads(line) for line in (out.parent / "changes.jsonl").read_text().splitlines()]
    assert log == [{"number": 31, "line": 31, "op": "edit", "before_id": None, "after_ids": [row_id(qa("Q", "A"))]}]
    for number in (3, 77):
        with pytest.raises(DataError, match="no line of this version that cannot be read"):
            repair(file, tmp_path / "audit", [{"op": "edit", "edits": [{"number": number, "row": qa("Q", "A")}]}], out)
