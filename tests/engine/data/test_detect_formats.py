from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.data.errors import RowProblem
from engine.data.examples import load
from engine.data.exports import trl
from engine.data.formats import FORMATS, detect, formats, to_example
from engine.data.guess import first_problem
from engine.data.mapping import Mapping
from tests.engine.data.rows import chat

CALL = {"type": "function", "function": {"name": "look", "arguments": '{"id": 1}'}}
U, A = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}

# row → (format, prompt_text, answer)
ROWS: list[tuple[dict[str, Any], str, str, str]] = [
    (chat(("system", "S"), ("user", "Q"), ("assistant", "A")), "messages", "Q", "A"),
    ({"messages": [U, A], "label": "billing"}, "messages", "Q", "A"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}, A]}, "messages", "Q", "A"),
    ({"messages": [{"role": "developer", "content": "S"}, U, A]}, "messages", "Q", "A"),
    ({"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}, "sharegpt", "Q", "A"),
    ({"conversations": [U, A]}, "sharegpt", "Q", "A"),
    ({"prompt": "Q", "completion": "A"}, "prompt_completion", "Q", "A"),
    ({"prompt": "Q", "response": "A"}, "prompt_completion", "Q", "A"),
    ({"question": "Q", "answer": "A"}, "prompt_completion", "Q", "A"),
    ({"prompt": [U], "completion": [A]}, "prompt_completion", "Q", "A"),
    ({"instruction": "Q", "input": "", "output": "A"}, "alpaca", "Q", "A"),
    ({"instruction": "Q", "input": "I", "output": "A"}, "alpaca", "Q\nI", "A"),
    ({"instruction": "Q", "output": "A", "history": [["q", "a"]], "system": "S"}, "alpaca", "Q", "A"),
    ({"prompt": "Q", "chosen": "A", "rejected": "B"}, "preference", "Q", "A"),
    ({"prompt": [U], "chosen": [A], "rejected": [{"role": "assistant", "content": "B"}]}, "preference", "Q", "A"),
    ({"chosen": [U, A], "rejected": [U, {"role": "assistant", "content": "B"}]}, "preference", "Q", "A"),
    ({"prompt": "Q", "chosen": [U, A], "rejected": [U, {"role": "assistant", "content": "B"}]}, "preference", "Q", "A"),
    ({"conversations": [{"from": "human", "value": "Q"}], "chosen": {"from": "gpt", "value": "A"},
      "rejected": {"from": "gpt", "value": "B"}}, "preference", "Q", "A"),
    ({"chosen": "\n\nHuman: Q\n\nAssistant: A", "rejected": "\n\nHuman: Q\n\nAssistant: B"}, "preference", "Q", "A"),
    ({"messages": [U, A], "label": True}, "kto", "Q", "A"),
    ({"prompt": "Q", "completion": "A", "label": False}, "kto", "Q", "A"),
    ({"prompt": "Q", "completion": "A", "label": "True"}, "kto", "Q", "A"),
    ({"prompt": "Q", "completion": "A", "kto_tag": False}, "kto", "Q", "A"),
    ({"prompt": "Q", "completion": "A", "label": 1}, "kto", "Q", "A"),
    ({"messages": [U, A], "label": 0}, "kto", "Q", "A"),
    ({"question": "Q", "answer": "A", "label": "0"}, "kto", "Q", "A"),
    ({"instruction": "Q", "output": "A", "label": 0.0}, "kto", "Q", "A"),
    ({"prompt": "Q", "completion": "A", "label": None}, "prompt_completion", "Q", "A"),
    ({"prompt": "Q", "completion": "A", "label": "refund"}, "prompt_completion", "Q", "A"),
    ({"text": "Q", "sentiment": "A"}, "classification", "Q", "A"),
    ({"id": 7, "text": "Q", "emotion": "A", "source": "S"}, "classification", "Q", "A"),
    ({"chosen_messages": [U, A], "rejected_messages": [U, {"role": "assistant", "content": "B"}]},
     "preference", "Q", "A"),
    ({"userInput": {"text": "Q"}}, "slots", "Q", "{}"),
    ({"userInput": {"text": "to Rome"}, "labels": [{"slot": "city", "valueSpan": {"startIndex": 3, "endIndex": 7}}]},
     "slots", "to Rome", '{"city": "Rome"}'),
    ({"text": "Q", "label": "A"}, "classification", "Q", "A"),
    ({"text": "Q", "label": 3}, "classification", "Q", "3"),
    ({"text": "Q", "category": "A"}, "classification", "Q", "A"),
    ({"query": "Q", "choices": ["B", "A"], "gold": 1}, "evaluation", "Q", "A"),
    ({"context": "Q", "continuation": "A"}, "evaluation", "Q", "A"),
    ({"context_options": ["x", "Q"], "continuation": "A", "gold": 1}, "evaluation", "Q", "A"),
    ({"text": "T"}, "text", "", ""),
    ({"text": "T", "url": "https://example.com/1", "id": 3}, "text", "", ""),
    ({"text": "T", "title": "One", "rating": 3}, "text", "", ""),
    ({"text": "T", "note": "A sentence that is far too long to be the name of a class of texts."}, "text", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("row", "name", "prompt", "answer"), ROWS, ids=lambda value: json.dumps(value)[:60])
def test_it_detects_the_shape_and_reads_prompt_and_answer(
    row: dict[str, Any], name: str, prompt: str, answer: str
) -> None:
    before = json.dumps(row)
    assert detect(row) == name
    example = to_example(row, name)
    assert (example.shape, example.prompt_text, example.answer) == (name, prompt, answer)
    assert json.dumps(row) == before
    if name == "preference":
        assert example.chosen == "A" and example.rejected == "B"


def test_a_thumb_is_a_label_and_raw_text_is_text() -> None:
    for value, label in ((False, False), (0, False), ("0", False), (1, True), (1.0, True), ("True", True)):
        assert to_example({"messages": [U, A], "label": value}, "kto").label is label
        assert to_example({"prompt": "Q", "completion": "A", "kto_tag": value}, "kto").label is label
    assert to_example({"text": "T"}, "text").text == "T"


@pytest.mark.parametrize("value", ["good", "Bad", "thumbs_up", "👎", "-1", "+1", 2, -1, 0.5, "4"])
def test_a_label_that_may_be_a_thumb_is_refused_not_passed_over(value: object) -> None:
    shapes: tuple[dict[str, Any], ...] = (
        {"prompt": "Q", "completion": "A"},
        {"messages": [U, A]},
        {"instruction": "Q", "output": "A"},
    )
    for shape in shapes:
        row = {**shape, "label": value}
        with pytest.raises(RowProblem) as caught:
            to_example(row, detect(row))
        assert caught.value.code == "unknown_shape" and str(value) in caught.value.found
        assert "which values mean good" in caught.value.remedy
    row = {"prompt": "Q", "completion": "A", "kto_tag": "maybe"}
    with pytest.raises(RowProblem):
        to_example(row, detect(row))
    said = Mapping(
        "kto", {"prompt": "prompt", "completion": "completion", "label": "label"}, {}, {"true": [str(value)]}
    )
    mapped = said.apply({"prompt": "Q", "completion": "A", "label": value})
    assert to_example(mapped, detect(mapped)).label is True


@pytest.mark.parametrize("beside", [{"rating": 4}, {"topic": "sport"}, {"id": 3, "y": True}])
def test_text_beside_what_may_be_its_class_is_refused_with_both_ways_on(beside: dict[str, Any]) -> None:
    row = {"text": "A text.", **beside}
    with pytest.raises(RowProblem) as caught:
        to_example(row, detect(row))
    column = list(beside)[-1]
    assert caught.value.code == "unknown_shape" and f"'{column}'" in caught.value.found
    for mapping, shape in (
        (Mapping("classification", {"text": "text", "label": column}), "classification"),
        (Mapping("text", {"text": "text"}), "text"),
    ):
        mapped = mapping.apply(row)
        assert to_example(mapped, detect(mapped)).shape == shape
    problem = first_problem([row])
    assert problem is not None and column in problem.found


@pytest.mark.parametrize(
    "shape",
    [{"prompt": "Q", "completion": "A"}, {"prompt": [U], "completion": [A]}, {"instruction": "Q", "output": "A"}],
)
def test_tools_beside_a_question_and_its_answer_are_kept(shape: dict[str, Any]) -> None:
    row = {**shape, "tools": [{"type": "function", "function": {"name": "look"}}]}
    example = to_example(row, detect(row))
    assert example.tools == row["tools"]
    assert trl.row(example)["tools"] == row["tools"]
    with pytest.raises(RowProblem):
        to_example({**shape, "tools": "a hammer"}, detect(row))


def test_a_tool_call_without_words_is_an_answer() -> None:
    row = {"messages": [U, {"role": "assistant", "content": None, "tool_calls": [CALL]}], "tools": [{"name": "look"}]}
    example = to_example(row, detect(row))
    assert example.messages[1]["content"] == "" and example.messages[1]["tool_calls"] == [CALL]
    assert json.loads(example.answer) == [CALL] and example.tools == [{"name": "look"}]


def test_reasoning_and_calls_inside_parts_are_kept_apart() -> None:
    parts = [
        {"type": "reasoning", "value": "hm"},
        {"type": "text", "value": "A"},
        {"type": "tool_call", "value": '{"name": "look"}'},
    ]
    row = {"messages": [U, {"role": "assistant", "content": parts, "loss_weight": 1}]}
    turn = to_example(row, "messages").messages[1]
    assert (turn["content"], turn["reasoning_content"], turn["weight"]) == ("A", "hm", 1)
    assert turn["tool_calls"][0]["function"]["name"] == "look"


def test_a_turn_keeps_its_weight_and_loses_what_is_null() -> None:
    row = {"messages": [U, {**A, "weight": 0, "name": None, "tool_calls": None}, U, {**A, "loss_weight": 1}]}
    turns = to_example(row, detect(row)).messages
    assert turns[1] == {**A, "weight": 0}
    assert turns[3] == {**A, "weight": 1}


def test_a_slot_that_is_marked_twice_has_both_values() -> None:
    spans = [
        {"slot": "dish", "valueSpan": {"endIndex": 4}},
        {"slot": "dish", "valueSpan": {"startIndex": 9, "endIndex": 12}},
    ]
    row = {"userInput": {"text": "soup and pie"}, "labels": spans, "context": {}}
    assert json.loads(to_example(row, detect(row)).answer) == {"dish": ["soup", "pie"]}


def test_sharegpt_calls_and_observations_become_tool_turns() -> None:
    turns = [
        ("human", "Q"),
        ("function_call", '{"name": "look", "arguments": {"id": 1}}'),
        ("observation", "{}"),
        ("gpt", "A"),
    ]
    row = {"conversations": [{"from": who, "value": text} for who, text in turns], "tools": '[{"name": "look"}]'}
    example = to_example(row, detect(row))
    assert [turn["role"] for turn in example.messages] == ["user", "assistant", "tool", "assistant"]
    assert example.messages[1]["tool_calls"][0]["function"] == {"name": "look", "arguments": {"id": 1}}
    assert example.tools == [{"name": "look"}]


BAD = [
    ({}, "unknown_shape"),
    ({"prompt": "only a prompt"}, "unknown_shape"),
    ({"instances": [{"prompt": "a", "completion": "b"}]}, "unknown_shape"),
    ({"chosen": "a", "rejected": "b"}, "unknown_shape"),
    ({"messages": "text"}, "wrong_type"),
    ({"messages": ["text", A]}, "wrong_type"),
    ({"messages": [{"role": "user", "content": 5}, A]}, "wrong_type"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, A]}, "wrong_type"),
    ({"messages": [U, A], "tools": "not json"}, "wrong_type"),
    ({"messages": [{"role": "bot", "content": "x"}, A]}, "unknown_role"),
    ({"messages": [{"role": ["user"], "content": "x"}, A]}, "unknown_role"),
    ({"messages": [{"content": "x"}, A]}, "unknown_role"),
    ({"messages": [U]}, "no_assistant_turn"),
    ({"messages": [U, {"role": "assistant", "content": " \n"}]}, "empty_answer"),
    ({"messages": [U, {"role": "assistant", "content": None}]}, "empty_answer"),
    ({"messages": [{"role": "user", "content": ""}, A]}, "empty_prompt"),
    ({"messages": []}, "empty_prompt"),
    ({"conversations": [{"from": "martian", "value": "x"}]}, "unknown_role"),
    ({"conversations": [{"from": "human", "value": None}, {"from": "gpt", "value": "A"}]}, "wrong_type"),
    ({"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": ""}]}, "empty_answer"),
    ({"prompt": "", "completion": "A"}, "empty_prompt"),
    ({"prompt": "Q", "completion": " "}, "empty_answer"),
    ({"prompt": "Q", "completion": 5}, "wrong_type"),
    ({"instruction": "", "input": "", "output": "A"}, "empty_prompt"),
    ({"instruction": "Q", "input": "", "output": ""}, "empty_answer"),
    ({"instruction": "Q", "output": "A", "history": [["q"]]}, "wrong_type"),
    ({"prompt": "Q", "chosen": "", "rejected": "B"}, "empty_answer"),
    ({"prompt": "Q", "chosen": [U, A, U, A], "rejected": "B"}, "wrong_type"),
    ({"query": "Q", "choices": ["a"], "gold": 1}, "wrong_type"),
    ({"query": "Q", "choices": ["a"], "gold": True}, "wrong_type"),
    ({"messages": [U, {**A, "weight": "high"}]}, "wrong_type"),
    ({"messages": [U, {**A, "weight": 0.5}]}, "wrong_type"),
    ({"userInput": {"text": "Q"}, "labels": [{"slot": "s", "valueSpan": {"endIndex": 2}}]}, "wrong_type"),
    ({"userInput": {"text": "Q"}, "labels": [{"slot": "s"}]}, "wrong_type"),
    ({"userInput": {"text": ""}}, "empty_prompt"),
    ({"text": "Q", "label": None}, "empty_answer"),
    ({"text": "Q", "label": [1]}, "wrong_type"),
    ({"text": " "}, "empty_answer"),
    ({"text": None}, "wrong_type"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "code"), BAD, ids=lambda value: json.dumps(value)[:60])
def test_it_names_what_is_wrong_with_a_row(row: dict[str, Any], code: str) -> None:
    with pytest.raises(RowProblem) as caught:
        to_example(row, detect(row))
    assert caught.value.code == code, caught.value.found
    assert caught.value.found.endswith((".", ")")) and caught.value.remedy


def test_a_nested_column_is_named_never_guessed() -> None:
    with pytest.raises(RowProblem, match="'instances' holds a list of 1 objects"):
        detect({"instances": [{"prompt": "a", "completion": "b"}]})
    with pytest.raises(RowProblem, match="'instances' holds a list of 1 objects"):
        detect({"instruction": "a", "instances": [{"input": "a", "output": "b"}]})


@pytest.mark.parametrize("wrapper", ["instances", "data", "rows", "train", "examples"])
def test_a_wrapper_around_the_rows_is_named(wrapper: str) -> None:
    with pytest.raises(RowProblem, match=f"'{wrapper}' holds a list of 2 objects .*rows nested inside a row"):
        detect({"version": 1, wrapper: [{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"}]})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"data": {"prompt": ["a", "b"], "completion": ["c", "d"]}}, "'data' holds a whole table column by column"),
        ({"columns": ["prompt", "completion"], "rows": [["a", "c"], ["b", "d"]]}, "'rows' holds lists of cells"),
        (
            {"columns": ["prompt", "completion"], "index": [0, 1], "data": [["a", "c"], ["b", "d"]]},
            "'data' holds lists",
        ),
    ],
)
def test_a_table_in_one_object_is_named_with_the_command_that_unfolds_it(row: dict[str, Any], said: str) -> None:
    with pytest.raises(RowProblem, match=said) as caught:
        detect(row)
    command = re.search(r"jq -c '(.+)' FILE", caught.value.remedy)
    assert command is not None
    if shutil.which("jq") is not None:
        made = subprocess.run(
            ["jq", "-c", command[1]], input=json.dumps(row), capture_output=True, text=True, check=True
        )
        rows = [json.loads(line) for line in made.stdout.splitlines()]
        assert rows == [{"prompt": "a", "completion": "c"}, {"prompt": "b", "completion": "d"}]


MORE = {"id": 7, "source": "export", "tags": ["a", "b"], "metadata": {"label": "x", "messages": []}}


@pytest.mark.parametrize(("row", "name", "prompt", "answer"), ROWS, ids=lambda value: json.dumps(value)[:60])
def test_columns_beside_the_shape_change_nothing(row: dict[str, Any], name: str, prompt: str, answer: str) -> None:
    for wider in ({**row, **MORE}, {**MORE, **row}):
        assert detect(wider) == name
        example = to_example(wider, name)
        assert (example.prompt_text, example.answer) == (prompt, answer)


def test_every_format_is_in_the_table_under_its_own_name() -> None:
    assert [module.NAME for module in formats()] == list(FORMATS)
    assert all(module.TITLE and module.COLUMNS for module in formats())


@pytest.mark.parametrize(
    ("file", "name", "rows"),
    [
        ("llamafactory/alpaca_en_demo.json", "alpaca", 999),
        ("llamafactory/dpo_en_demo.json", "preference", 300),
        ("llamafactory/kto_en_demo.json", "kto", 300),
        ("llamafactory/glaive_toolcall_en_demo.json", "sharegpt", 300),
        ("llamafactory/reason_tool_use_demo_50.jsonl", "messages", 50),
        ("llamafactory/v1_sft_demo.jsonl", "messages", 500),
        ("llamafactory/v1_dpo_demo.jsonl", "preference", 10),
        ("llamafactory/c4_demo.jsonl", "text", 300),
        ("llamafactory/wiki_demo.txt", "text", 30),
        ("fastchat/dummy_conversation.json", "sharegpt", 500),
        ("axolotl/alpaca.json", "alpaca", 2),
        ("torchtune/chat_tiny.json", "sharegpt", 1),
        ("torchtune/instruct_tiny.json", "prompt_completion", 2),
        ("llmfoundry_eval/piqa.jsonl", "evaluation", 1838),
        ("llmfoundry_eval/winogrande.jsonl", "evaluation", 1267),
        ("llmfoundry_eval/svamp.jsonl", "prompt_completion", 300),
    ],
)
def test_it_reads_public_rows(public_data: Path, file: str, name: str, rows: int) -> None:
    examples = load(public_data / file)
    assert len(examples) == rows
    assert {loaded.example.shape for loaded in examples} == {name}
    assert all(loaded.example.text or loaded.example.answer for loaded in examples)
