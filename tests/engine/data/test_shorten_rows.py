"""Rows cut, split or dropped so that training sees all of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.budget import chunks
from engine.data.errors import DataError
from engine.data.formats import detect, to_example
from engine.data.preview import preview
from engine.data.tokens import TokenCounter
from tests.engine.data.repairing import found_after, repaired
from tests.engine.data.rows import audit_rows, chat, many, qa

CUTOFF = 120
LONG = " ".join(f"word{number}" for number in range(200))
CONVERSATION = chat(
    ("system", "Be brief."),
    *[
        turn
        for number in range(8)
        for turn in (("user", f"Question {number}? " * 3), ("assistant", f"Answer {number}."))
    ],
    topic="numbers",
)
CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
LONG_ROWS: list[dict[str, Any]] = [
    qa(f"{LONG} last", "Yes."),
    {"instruction": "Sum up.", "input": LONG, "output": "Words."},
    {"instruction": "Go on.", "output": "Yes.", "history": [[LONG, "a"], ["b", "c"]]},
    {"text": LONG, "label": "spam"},
    {"prompt": LONG, "chosen": "A", "rejected": "B"},
    {"prompt": LONG, "completion": "A", "label": True},
    {"query": LONG, "choices": ["A", "B"], "gold": 0},
    {"conversations": [{"from": "human", "value": LONG}, {"from": "gpt", "value": "Yes."}], "system": "Brief."},
    {"prompt": [{"role": "user", "content": LONG}], "completion": [{"role": "assistant", "content": "A"}]},
    CONVERSATION,
]


def shorten(**more: Any) -> dict[str, Any]:
    return {"op": "shorten", "cutoff_len": CUTOFF, **more}


def lengths(rows: list[Any], model: Path) -> list[int]:
    return TokenCounter(model).count([to_example(row, detect(row)) for row in rows])


@pytest.mark.parametrize("row", LONG_ROWS, ids=lambda row: "-".join(row))
def test_a_cut_row_fits_and_keeps_its_answer(tmp_path: Path, tiny_model: Path, row: dict[str, Any]) -> None:
    short = many(3)
    rows, result = repaired(tmp_path, [*short, row], shorten(), files={"model": tiny_model})
    assert rows[:3] == short and result["changed"] == {"shorten": 1}
    assert list(rows[3]) == list(row) and detect(rows[3]) == detect(row)
    (length,) = lengths(rows[3:], tiny_model)
    assert CUTOFF // 2 < length <= CUTOFF or "history" in row
    before, after = (to_example(each, detect(each)) for each in (row, rows[3]))
    assert (after.answer, after.rejected, after.label) == (before.answer, before.rejected, before.label)


def test_cutting_takes_from_the_start(tmp_path: Path, tiny_model: Path) -> None:
    rows, _ = repaired(tmp_path, [LONG_ROWS[0], LONG_ROWS[1], CONVERSATION], shorten(), files={"model": tiny_model})
    assert rows[0]["prompt"].startswith("word") and rows[0]["prompt"].endswith("word199 last")
    assert rows[1]["instruction"] == "Sum up." and rows[1]["input"].endswith("word199")
    turns = rows[2]["messages"]
    assert turns[0] == CONVERSATION["messages"][0] and turns[1:] == CONVERSATION["messages"][-len(turns) + 1 :]
    assert turns[1]["role"] == "user" and len(turns) >= 3


def test_a_conversation_is_split_between_exchanges(tmp_path: Path, tiny_model: Path) -> None:
    rows, result = repaired(tmp_path, [CONVERSATION], shorten(how="split"), files={"model": tiny_model})
    assert len(rows) > 1 and result["added"] == {"shorten": len(rows) - 1}
    assert max(lengths(rows, tiny_model)) <= CUTOFF
    assert all(row["messages"][0]["role"] == "system" and row["topic"] == "numbers" for row in rows)
    assert [turn for row in rows for turn in row["messages"][1:]] == CONVERSATION["messages"][1:]


def test_raw_text_is_split_into_pieces_that_are_the_text_again(tmp_path: Path, tiny_model: Path) -> None:
    rows, _ = repaired(tmp_path, [{"text": LONG, "id": 1}], shorten(how="split"), files={"model": tiny_model})
    assert max(lengths(rows, tiny_model)) <= CUTOFF and {row["id"] for row in rows} == {1}
    assert "".join(row["text"] for row in rows) == LONG
    assert all(row["text"].startswith("word") for row in rows)


def test_pieces_can_overlap(tmp_path: Path, tiny_model: Path) -> None:
    operation = shorten(how="split", overlap=30)
    rows, _ = repaired(tmp_path, [{"text": LONG}], operation, files={"model": tiny_model})
    texts = [row["text"] for row in rows]
    assert max(lengths(rows, tiny_model)) <= CUTOFF
    for one, other in pairwise(texts):
        shared = next(size for size in range(len(one), 0, -1) if other.startswith(one[-size:]))
        assert 0 < TokenCounter(tiny_model).count([to_example({"text": one[-shared:]}, "text")])[0] <= 30


def test_what_cannot_be_cut_goes_and_is_counted(tmp_path: Path, tiny_model: Path) -> None:
    tools = {"messages": [{"role": "user", "content": "Go"}, CALL, {"role": "tool", "content": LONG},
                          {"role": "assistant", "content": "Done."}]}  # fmt: skip
    rows, result = repaired(tmp_path, [*many(2), qa("Say it.", LONG), tools], shorten(), files={"model": tiny_model})
    assert rows == many(2) and result["dropped"] == {"shorten": 2}


def test_long_rows_are_dropped_when_asked(tmp_path: Path, tiny_model: Path) -> None:
    rows, result = repaired(tmp_path, [*many(3), *LONG_ROWS], shorten(how="drop"), files={"model": tiny_model})
    assert rows == many(3) and result["dropped"] == {"shorten": len(LONG_ROWS)}


def test_a_second_time_changes_nothing(tmp_path: Path, tiny_model: Path) -> None:
    for place, how in enumerate(("cut", "split")):
        for step in ("one", "two"):
            (tmp_path / f"{place}{step}").mkdir()
        operation, files = shorten(how=how), {"model": tiny_model}
        once, _ = repaired(tmp_path / f"{place}one", [*LONG_ROWS, {"text": LONG}], operation, files=files)
        again, result = repaired(tmp_path / f"{place}two", once, operation, files=files)
        assert again == once and result["changed"] == {}


def test_the_preview_counts_by_the_audits_tokens(tmp_path: Path, tiny_model: Path) -> None:
    audit_rows(tmp_path, [*many(5), *LONG_ROWS[:3]], model=tiny_model, cutoff_len=CUTOFF)
    shown = preview(tmp_path / "rows.jsonl", tmp_path / "audit", [shorten()], {"model": tiny_model})
    assert shown["operations"][0]["flagged"] == 3 and shown["rows_out"] == 8
    assert len(shown["examples"]) == 3


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        ({}, "cannot be counted"),
        ({"cutoff_len": 8}, "less than 16"),
        ({"how": "squeeze"}, "cannot be 'squeeze'"),
        ({"overlap": 100}, "more than half"),
    ],
)
def test_it_refuses_without_a_base_model_or_with_odd_lengths(
    tmp_path: Path, operation: dict[str, Any], says: str
) -> None:
    with pytest.raises(DataError, match=says) as caught:
        repaired(tmp_path, many(5), {"op": "shorten", "cutoff_len": CUTOFF} | operation)
    assert caught.value.remedy


def test_an_audit_finds_nothing_too_long_afterwards(tmp_path: Path, tiny_model: Path) -> None:
    rows, _ = repaired(tmp_path, [*many(5), *LONG_ROWS], shorten(), files={"model": tiny_model})
    assert max(lengths(rows, tiny_model)) <= CUTOFF
    assert not found_after(tmp_path) & {"empty_prompt", "no_assistant_turn", "ends_with_user", "wrong_type"}


@settings(max_examples=200, deadline=None)
@given(st.text("ab \n", min_size=1, max_size=300), st.integers(1, 40), st.integers(0, 20))
def test_pieces_are_the_whole_text_within_the_limit(text: str, limit: int, overlap: int) -> None:
    pieces = list(chunks(text, lambda piece: len(piece) <= limit, None, 4))
    assert "".join(pieces) == text and max(map(len, pieces)) <= limit
    repeat = min(overlap, limit // 2)
    pieces = list(chunks(text, lambda piece: len(piece) <= limit, lambda piece: len(piece) <= repeat, 4))
    assert max(map(len, pieces)) <= limit and text.startswith(pieces[0]) and text.endswith(pieces[-1])
