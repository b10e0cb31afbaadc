"""One answer for prompts that are answered in several ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.data.errors import DataError
from tests.engine.data.repairing import found_after, repaired
from tests.engine.data.rows import many, qa

ASKED = "What is the capital of the smallest state?"
ROWS = [
    qa(ASKED, "It is B, I think."),
    *many(5),
    qa(ASKED, "A"),
    qa(ASKED, "a.", id=2),
    qa(f"{ASKED} Say.", "yes"),
    qa(f"{ASKED} Say.", "no"),
]


@pytest.mark.parametrize(
    ("operation", "kept"),
    [
        ({}, ["A", "a.", "yes"]),
        ({"keep": "first"}, ["It is B, I think.", "yes"]),
        ({"keep": "longest"}, ["It is B, I think.", "yes"]),
        ({"keep": "none"}, []),
        ({"choices": {"GROUP": 10}}, ["A", "a.", "no"]),
        ({"keep": None, "choices": {"GROUP": 10}}, ["It is B, I think.", "A", "a.", "no"]),
    ],
)
def test_one_answer_stays(tmp_path: Path, operation: dict[str, Any], kept: list[str]) -> None:
    if "choices" in operation:
        operation = operation | {"choices": {group_of(tmp_path, 10): 10}}
    rows, result = repaired(tmp_path, ROWS, {"op": "resolve"} | operation)
    assert [row["completion"] for row in rows if row["prompt"].startswith(ASKED)] == kept
    assert result["dropped"] == {"conflicting_answers": 5 - len(kept)}
    assert ("conflicting_answers" in found_after(tmp_path)) == (operation.get("keep", "") is None)


def group_of(folder: Path, number: int) -> str:
    from engine.data.index import open_index
    from tests.engine.data.rows import audit_rows

    audit_rows(folder, ROWS)
    index = open_index(folder / "audit" / "index.sqlite")
    select = "select group_id from finding_row where code = 'conflicting_answers' and number = ?"
    (group,) = index.execute(select, (number,)).fetchone()
    index.close()
    return str(group)


def test_it_says_where_there_was_no_majority(tmp_path: Path) -> None:
    _, result = repaired(tmp_path, ROWS, {"op": "resolve"})
    assert result["notes"] == ["Prompts without an answer given most often, whose first answer was kept: 1."]


def test_rows_that_are_gone_have_no_say(tmp_path: Path) -> None:
    rows, _ = repaired(tmp_path, ROWS, {"op": "drop", "numbers": [8, 9]}, {"op": "resolve"})
    answers = [row["completion"] for row in rows if row["prompt"].startswith(ASKED)]
    assert answers == ["It is B, I think.", "no"]


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        ({"keep": None}, "no answer is chosen"),
        ({"keep": "best"}, "cannot be"),
        ({"choices": {"x": 1}}, "does not name"),
        ({"choices": {"999": 1}}, "no group 999"),
        ({"choices": {"GROUP": 2}}, "is not in group"),
    ],
)
def test_it_refuses_a_choice_it_cannot_make(tmp_path: Path, operation: dict[str, Any], says: str) -> None:
    if "GROUP" in operation.get("choices", {}):
        operation = {"choices": {group_of(tmp_path, 10): 2}}
    with pytest.raises(DataError, match=says) as caught:
        repaired(tmp_path, ROWS, {"op": "resolve"} | operation)
    assert caught.value.remedy
