"""Alpaca rows: instruction, an optional input, and output; also LLaMA-Factory's system and history."""

from __future__ import annotations

from typing import Any

from engine.data.example import Example, Message
from engine.data.formats.turns import empty_answer, empty_prompt, need_text, read_tools, user_and_answer, wrong_type

NAME = "alpaca"
TITLE = "Instruction, input, output (Alpaca)"
COLUMNS = "instruction, input, output"


def recognise(row: dict[str, Any]) -> bool:
    return "instruction" in row and "output" in row


def to_example(row: dict[str, Any]) -> Example:
    instruction, output = need_text(row, "instruction"), need_text(row, "output")
    given = need_text(row, "input") if row.get("input") is not None else ""
    if not instruction.strip() and not given.strip():
        raise empty_prompt("instruction")
    if not output.strip():
        raise empty_answer("output")
    # Joined by one line feed, as the tools that made these rows do.
    prompt = "\n".join(part for part in (instruction, given) if part.strip())
    system = row.get("system")
    turns = user_and_answer(prompt, output)
    head: tuple[Message, ...] = (
        ({"role": "system", "content": system},) if type(system) is str and system.strip() else ()
    )
    tools = read_tools(row) if "tools" in row else None
    return Example(NAME, head + _history(row) + turns, tools=tools)


def _history(row: dict[str, Any]) -> tuple[Message, ...]:
    history = row.get("history")
    if not history:
        return ()
    if type(history) is not list:
        raise wrong_type("history", history, "a list of [question, answer] pairs")
    turns: list[Message] = []
    for place, pair in enumerate(history):
        if type(pair) is not list or len(pair) != 2 or not all(type(part) is str for part in pair):
            raise wrong_type(f"history[{place}]", pair, "a [question, answer] pair of texts")
        turns += user_and_answer(pair[0], pair[1])
    return tuple(turns)
