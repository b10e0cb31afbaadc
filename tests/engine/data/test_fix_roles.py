"""Turns named and ordered as chat templates want them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.repairs import settings_of
from engine.data.repairs.fix_roles import fixed
from tests.engine.data.repairing import found_after, repaired
from tests.engine.data.rows import chat

FIX: dict[str, Any] = {"op": "fix_roles"}


def sharegpt(*turns: tuple[str, str]) -> dict[str, Any]:
    return {"conversations": [{"from": speaker, "value": said} for speaker, said in turns]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (chat(("Human", "a"), ("GPT", "b")), chat(("user", "a"), ("assistant", "b"))),
        (chat(("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d")),
         chat(("user", "a\n\nb"), ("assistant", "c\n\nd"))),
        (chat(("user", "a"), ("system", "s"), ("user", "b"), ("assistant", "c"), ("system", "t")),
         chat(("system", "s\n\nt"), ("user", "a\n\nb"), ("assistant", "c"))),
        (chat(("user", "a"), ("assistant", "b"), ("user", "c")), chat(("user", "a"), ("assistant", "b"))),
        (sharegpt(("USER", "a"), ("bot", "b"), ("human", "c")), sharegpt(("human", "a"), ("gpt", "b"))),
    ],
)  # fmt: skip
def test_the_findings_are_gone(tmp_path: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    rows, result = repaired(tmp_path, [before, after], FIX)
    assert rows == [after, after] and result["changed"] == {"fix_roles": 1}
    assert not found_after(tmp_path) & {"unknown_role", "role_order", "system_not_first", "ends_with_user"}


def test_names_of_your_own_are_renamed(tmp_path: Path) -> None:
    own = FIX | {"rename": {"Customer": "user", "agent": "assistant"}}
    rows, _ = repaired(tmp_path, [chat(("customer", "a"), ("Agent", "b"))], own)
    assert rows == [chat(("user", "a"), ("assistant", "b"))]


def test_tool_calls_are_neither_joined_nor_cut(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    row = {"messages": [{"role": "user", "content": "a"}, call, {"role": "assistant", "content": "b"}]}
    rows, result = repaired(tmp_path, [row], FIX)
    assert rows == [row] and result["changed"] == {}


def test_the_prompt_of_a_preference_keeps_its_last_question(tmp_path: Path) -> None:
    row = {**chat(("user", "a")), "chosen": {"role": "assistant", "content": "b"}, "rejected": "c"}
    row["chosen"] = "b"
    assert repaired(tmp_path, [row], FIX)[0] == [row]


def test_each_part_can_be_left_out(tmp_path: Path) -> None:
    row = chat(("user", "a"), ("user", "b"), ("assistant", "c"), ("system", "s"), ("user", "d"))
    off = {"merge": False, "move_system": False, "trim_end": False}
    assert fixed(row, {}, settings_of(FIX) | off) == row
    assert fixed(row, {}, settings_of(FIX) | off | {"trim_end": True}) == chat(
        ("user", "a"), ("user", "b"), ("assistant", "c")
    )


ROLES = st.sampled_from(["user", "assistant", "system", "tool", "human", "GPT", "stranger", "developer"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(ROLES, st.sampled_from(["a", "b"])), min_size=1, max_size=8), st.booleans())
def test_a_second_time_changes_nothing(turns: list[tuple[str, str]], spoken: bool) -> None:
    wanted = settings_of(FIX)
    once = fixed((sharegpt if spoken else chat)(*turns), wanted["rename"], wanted)
    assert fixed(once, wanted["rename"], wanted) == once
