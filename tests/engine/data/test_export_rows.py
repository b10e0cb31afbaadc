"""Rows go out in the forms of other tools and come back the same; what a form has no place for is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.data.example import Example
from engine.data.examples import load
from engine.data.export import Export, Left
from engine.data.exports import FORMS
from tests.engine.data.rows import chat, qa, write_jsonl

CALL = {"type": "function", "function": {"name": "look", "arguments": {"id": 1}}}
U, A = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}
ASKS = {"role": "assistant", "content": "", "tool_calls": [CALL]}
TOOLS = [{"type": "function", "function": {"name": "look"}}]

# file → form → rows it has no place for: 106 prompts of several turns, 191 rows with tools, all thumbs, all raw text
PUBLIC: dict[str, dict[str, int]] = {
    "llamafactory/alpaca_en_demo.json": {},
    "llamafactory/dpo_en_demo.json": {"alpaca": 106},
    "llamafactory/kto_en_demo.json": {"openai": 300},
    "llamafactory/glaive_toolcall_en_demo.json": {"alpaca": 191},
    "llamafactory/v1_dpo_demo.jsonl": {},
    "llamafactory/c4_demo.jsonl": {"openai": 300, "sharegpt": 300, "alpaca": 300},
    "fastchat/dummy_conversation.json": {},
    "banking77/test.csv": {},
    "dstc8_slots/Buses_1__test.json": {},
    "llmfoundry_eval/winograd_wsc.jsonl": {},
}


def exported(path: Path, form: str) -> tuple[list[dict[str, Any]], Export]:
    export = Export(path, form)
    return [json.loads(item) for item in export if isinstance(item, bytes)], export


def essence(example: Example) -> Any:
    """What is trained on, whatever the form: calls with their arguments as JSON, and no invented ids."""
    turns = []
    for message in example.messages:
        calls = []
        for call in message.get("tool_calls") or ():
            arguments = call.get("function", call)["arguments"]
            if isinstance(arguments, str) and arguments.startswith("{"):
                arguments = json.loads(arguments)
            calls.append([call.get("function", call)["name"], arguments])
        turns.append([message["role"], message["content"], calls])
    return [turns, example.chosen, example.rejected, example.label, example.text, example.tools]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("file", PUBLIC)
def test_public_rows_come_back_as_they_went_out(public_data: Path, tmp_path: Path, file: str, form: str) -> None:
    stayed, export = came_back(public_data / file, form, tmp_path)
    left = PUBLIC[file].get(form, 0)
    assert sum(export.left_out.values()) == left
    assert export.rows_in == export.rows_out + left == len(stayed) + left


@pytest.mark.parametrize("form", FORMS)
def test_every_shape_comes_back_from_every_form_that_has_a_place_for_it(tmp_path: Path, form: str) -> None:
    shapes = [row for row, _ in SHAPES]
    odd = ["=1+1", "'=1+1", "-5", "'quoted'", "a\r\nb", '"c", d', "[1, 2]", " "]
    shapes += [qa(f"Say {text}", text) for text in odd if text.strip()]
    shapes += [{"text": "=SUM(A1)"}, qa("Q", "A", label=True), qa("Q", "A", label=False, system="S")]
    shapes += [{"prompt": [U, A, U], "chosen": "A", "rejected": "-B"}]
    shapes += [{"messages": [{"role": "system", "content": "S"}, U, A], "tools": TOOLS}]
    stayed, export = came_back(write_jsonl(tmp_path / "rows.jsonl", shapes), form, tmp_path)
    assert len(stayed) == export.rows_out > 10
    if form == "csv":
        assert export.left_out.keys() <= {"unusable rows"}


def came_back(path: Path, form: str, folder: Path) -> tuple[list[Any], Export]:
    """Exports a file, reads what came out as any file is read, and holds each row to what it was."""
    export = Export(path, form)
    out = folder / ("back.csv" if form == "csv" else "back.jsonl")
    out.write_bytes(b"".join(item for item in export if isinstance(item, bytes)))
    gone = {item.line for item in Export(path, form) if isinstance(item, Left)}
    stayed = [essence(loaded.example) for loaded in load(path) if loaded.line not in gone]
    back = [essence(loaded.example) for loaded in load(out)] if export.rows_out else []
    assert back == stayed
    return stayed, export


# row → form → what it looks like there (None: it stays behind)
SHAPES: list[tuple[dict[str, Any], dict[str, dict[str, Any] | None]]] = [
    (
        chat(("system", "S"), ("user", "q"), ("assistant", "a"), ("user", "Q"), ("assistant", "A")),
        {
            "sharegpt": {
                "conversations": [
                    {"from": "system", "value": "S"},
                    {"from": "human", "value": "q"},
                    {"from": "gpt", "value": "a"},
                    {"from": "human", "value": "Q"},
                    {"from": "gpt", "value": "A"},
                ]
            },
            "alpaca": {"instruction": "Q", "input": "", "output": "A", "system": "S", "history": [["q", "a"]]},
        },
    ),
    (
        qa("Q", "A"),
        {"openai": {"messages": [U, A]}, "trl": {"prompt": [U], "completion": [A]}},
    ),
    (
        {"prompt": "Q", "chosen": "A", "rejected": "B"},
        {
            "openai": {
                "input": {"messages": [U]},
                "preferred_output": [A],
                "non_preferred_output": [{"role": "assistant", "content": "B"}],
            },
            "alpaca": {"instruction": "Q", "input": "", "chosen": "A", "rejected": "B"},
            "trl": {"prompt": [U], "chosen": [A], "rejected": [{"role": "assistant", "content": "B"}]},
        },
    ),
    (
        qa("Q", "A", label=False),
        {
            "openai": None,
            "alpaca": {"instruction": "Q", "input": "", "output": "A", "kto_tag": False},
            "trl": {"prompt": [U], "completion": [A], "label": False},
        },
    ),
    ({"text": "T"}, {"openai": None, "sharegpt": None, "alpaca": None, "trl": {"text": "T"}}),
    (
        {"messages": [U, ASKS, {"role": "tool", "content": "{}"}, A], "tools": TOOLS},
        {
            "openai": {
                "messages": [
                    U,
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {
                                "id": "call_1",
                                "type": "function",
                                "function": {"name": "look", "arguments": '{"id": 1}'},
                            }
                        ],
                    },
                    {"role": "tool", "content": "{}", "tool_call_id": "call_1"},
                    A,
                ],
                "tools": TOOLS,
            },
            "sharegpt": {
                "conversations": [
                    {"from": "human", "value": "Q"},
                    {"from": "function_call", "value": '{"name": "look", "arguments": {"id": 1}}'},
                    {"from": "observation", "value": "{}"},
                    {"from": "gpt", "value": "A"},
                ],
                "tools": json.dumps(TOOLS),
            },
            "alpaca": None,
        },
    ),
    ({"messages": [U, {**ASKS, "tool_calls": [CALL, CALL]}]}, {"sharegpt": None}),
    ({"messages": [U, {**ASKS, "content": "I look."}]}, {"sharegpt": None}),
    ({"messages": [U, {**A, "weight": 0}, U, A]}, {"sharegpt": None, "alpaca": None}),
    ({"messages": [U, A, U]}, {"alpaca": None}),
    (
        {"conversations": [{"from": "human", "value": "Q"}, {"from": "function_call", "value": "look!"}]},
        {"openai": None},
    ),
]


@pytest.mark.parametrize(("row", "wanted"), SHAPES, ids=lambda value: json.dumps(value)[:50])
def test_each_form_has_its_own_way(tmp_path: Path, row: dict[str, Any], wanted: dict[str, Any]) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", [row])
    for form, expected in wanted.items():
        rows, export = exported(path, form)
        assert rows == ([] if expected is None else [expected])
        assert sum(export.left_out.values()) == (expected is None)


def test_what_stays_behind_is_counted_and_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [qa("Q", "A"), {"text": "T"}, {"text": "U"}, {"prompt": "only"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n", encoding="utf-8")
    command = [sys.executable, "-m", "engine", "export", str(path), "--form", "openai", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "form": "openai",
        "rows_in": 5,
        "rows_out": 1,
        "left_out": [
            {"reason": "raw text, which has no turns", "count": 2, "lines": [2, 3]},
            {"reason": "unusable rows", "count": 2, "lines": [4, 5]},
        ],
    }
    assert json.loads((tmp_path / "out").read_text()) == {"messages": [U, A]}
    left = [item for item in Export(path, "openai") if isinstance(item, Left)]
    assert [item.line for item in left] == [2, 3, 4, 5]
    assert all(item.found for item in left)
