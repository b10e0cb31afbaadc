"""Tool calls as chat templates write them, and the calls of public rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.data.formats.turns import read_call
from engine.evaluation.metrics import Outcome, row_scorer
from engine.evaluation.metrics.tool_calls import calls_in

REFERENCE = json.dumps([{"type": "function", "function": {"name": "find", "arguments": {"q": "rice", "n": 2}}}])
GLAIVE = Path(__file__).parents[4] / "shared" / "data" / "llamafactory" / "glaive_toolcall_en_demo.json"


def score(name: str, text: str, reference: str = REFERENCE, tools: object = None) -> float | None:
    return row_scorer(name).score(Outcome(text, reference, tools=tools))


@pytest.mark.parametrize(
    "text",
    [
        REFERENCE,
        json.dumps([{"id": "1", "function": {"name": "find", "arguments": json.dumps({"n": 2, "q": "rice"})}}]),
        '{"tool_calls": [{"function": {"name": "find", "arguments": {"n": 2, "q": "rice"}}}]}',
        '<tool_call>\n{"name": "find", "arguments": {"q": "rice", "n": 2.0}}\n</tool_call>',
        'I will look. <tool_call>{"arguments": {"q": "rice", "n": 2}, "name": "find"}</tool_call>',
        '<|python_tag|>{"name": "find", "parameters": {"q": "rice", "n": 2}}',
        '[TOOL_CALLS] [{"name": "find", "arguments": {"q": "rice", "n": 2}}]',
        '<function=find>{"q": "rice", "n": 2}</function>',
        '```json\n{"name": "find", "arguments": {"q": "rice", "n": 2}}\n```',
    ],
)
def test_it_reads_a_call_in_every_way_templates_write_it(text: str) -> None:
    assert score("tool_call", text) == 1
    assert score("tool_name", text) == 1


@pytest.mark.parametrize(
    ("text", "call", "name"),
    [
        ('{"name": "find", "arguments": {"q": "rice", "n": 3}}', 0, 1),
        ('{"name": "find", "arguments": {"q": "rice"}}', 0, 1),
        ('{"name": "find", "arguments": {"q": "rice", "n": 2}}; {"name": "find", "arguments": {}}', 0, 0),
        ('{"name": "fund", "arguments": {"q": "rice", "n": 2}}', 0, 0),
        ("find(q=rice, n=2)", 0, 0),
        ('{"name": "find"}', 0, 0),
        ("", 0, 0),
        ("[" * 50_000, 0, 0),
        ('{"function": {"function": {"function": "find"}}}', 0, 0),
        ('{"name": {"name": 1}, "arguments": []}', 0, 0),
    ],
)
def test_a_call_that_differs_is_wrong(text: str, call: float, name: float) -> None:
    assert score("tool_call", text) == call
    assert score("tool_name", text) == name


def test_several_calls_are_compared_in_any_order() -> None:
    one, two = '{"name": "a", "arguments": {}}', '{"name": "b", "arguments": {"x": [1]}}'
    assert score("tool_call", f"{two}\n{one}", f"[{one}, {two}]") == 1
    assert score("tool_call", f"{one}\n{one}", f"[{one}, {two}]") == 0


def test_calling_nothing_is_right_where_the_reference_calls_nothing() -> None:
    assert score("tool_call", "Rice takes 12 minutes.", "About 12 minutes.", tools=[{"name": "find"}]) == 1
    assert score("tool_call", REFERENCE, "About 12 minutes.", tools=[{"name": "find"}]) == 0
    assert score("tool_call", "anything", "About 12 minutes.") is None


@pytest.mark.skipif(not GLAIVE.exists(), reason="the public rows are not here")
def test_it_reads_the_calls_of_public_rows() -> None:
    """Each call as the rows have it, and as our reader of rows hands it on: the same call."""
    turns = [turn for row in json.loads(GLAIVE.read_text()) for turn in row["conversations"]]
    written = [turn["value"] for turn in turns if turn["from"] == "function_call"]
    assert len(written) == 211
    for text in written:
        handed_on = json.dumps([read_call(text)])
        assert calls_in(text) == calls_in(handed_on), text
        assert score("tool_call", f"<tool_call>{text}</tool_call>", handed_on) == 1
    plain = [turn["value"] for turn in turns if turn["from"] == "gpt"]
    assert len(plain) == 746
    assert not any(calls_in(text) for text in plain)
