"""A repair leaves the rows alone in which somebody said that a finding is fine, for that finding only."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine.data.errors import DataError
from engine.data.repairs import check_operations
from engine.data.valuable import touched_by
from tests.engine.data.repairing import repaired
from tests.engine.data.rows import audit_rows, many, qa


def test_drop_and_dedupe(tmp_path: Path) -> None:
    sound = many(30)
    rows = [*sound, qa("Why?", ""), qa("Who?", ""), sound[0], sound[1]]
    drop = {"op": "drop", "codes": ["empty_answer"], "except": {"empty_answer": [31], "exact_duplicate": [32]}}
    dedupe = {"op": "dedupe", "except": {"exact_duplicate": [1, 33]}}
    made, result = repaired(tmp_path, rows, drop, dedupe)
    assert made == [*sound, rows[30], sound[0]]
    assert result["dropped"] == {"empty_answer": 1, "exact_duplicate": 1}


def test_of_three_copies_one_that_is_fine_saves_itself_alone(tmp_path: Path) -> None:
    sound = many(30)
    rows = [*sound, sound[0], sound[0]]
    made, _ = repaired(tmp_path, rows, {"op": "dedupe", "except": {"exact_duplicate": [31]}})
    assert made == [*sound, sound[0]]
    # The same row goes when it is also a copy of a kind that is not fine there.
    near = {"op": "dedupe", "codes": ["exact_duplicate"], "except": {"near_duplicate": [31]}}
    assert repaired(tmp_path, rows, near)[0] == sound


def test_redact_leaves_only_that_kind(tmp_path: Path) -> None:
    row = qa("Reach?", "Mail jane@example.com or call +14155552671")
    made, _ = repaired(tmp_path, [*many(20), row, row], {"op": "redact", "except": {"pii_email": [21]}})
    assert [one["completion"] for one in made[20:]] == [
        "Mail jane@example.com or call [PHONE]",
        "Mail [EMAIL] or call [PHONE]",
    ]


def test_normalise_leaves_only_that_switch(tmp_path: Path) -> None:
    row = qa("Quote?", "donâ€™t, with a ze\u200bro")
    made, result = repaired(tmp_path, [*many(20), row, row], {"op": "normalise", "except": {"zero_width": [21]}})
    assert [one["completion"] for one in made[20:]] == ["don’t, with a ze\u200bro", "don’t, with a zero"]
    assert result["changed"] == {"normalise": 2}


def test_turns_and_answers(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]
    open_end = {"messages": [*turns, {"role": "user", "content": "And?"}]}
    made, _ = repaired(tmp_path, [open_end, open_end], {"op": "fix_roles", "except": {"ends_with_user": [2]}})
    assert [len(one["messages"]) for one in made] == [2, 3]
    rows = [*many(20), qa("Is it open?", "Yes."), qa("Is it open?", "No."), qa("Is it open?", "Never.")]
    made, _ = repaired(tmp_path, rows, {"op": "resolve", "keep": "first", "except": {"conflicting_answers": [22]}})
    assert made == rows[:22]


@pytest.mark.parametrize("wrong", [[1], {"secret": 1}, {"secret": ["1"]}, {"secret": [True]}])
def test_it_refuses_what_is_no_list_of_rows(wrong: Any) -> None:
    with pytest.raises(DataError, match="row numbers"):
        check_operations([{"op": "redact", "except": wrong}])
    with pytest.raises(DataError, match="no field 'except'"):
        check_operations([{"op": "balance", "except": {}}])


def test_the_rows_a_repair_would_touch_leave_them_out(tmp_path: Path) -> None:
    sound = many(30)
    audit_rows(tmp_path, [*sound, sound[0], sound[0], sound[1], qa("Why?", "")])
    dedupe, drop = {"op": "dedupe"}, {"op": "drop"}
    for fine, copies, empty in (
        ({}, 3, 1),
        ({"exact_duplicate": [31]}, 2, 1),
        ({"exact_duplicate": [1, 2], "empty_answer": [34]}, 1, 0),
    ):
        with sqlite3.connect(tmp_path / "audit" / "index.sqlite") as connection:
            touched = touched_by(connection, fine)
            assert touched(dedupe, ["exact_duplicate"]) == copies
            assert touched(drop, ["empty_answer"]) == empty
