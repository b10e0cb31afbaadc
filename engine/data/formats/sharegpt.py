"""ShareGPT rows: ``conversations`` of from/value, with function_call and observation turns."""

from __future__ import annotations

from typing import Any

from engine.data.errors import RowProblem
from engine.data.example import Example, Message
from engine.data.formats.turns import need_answer, raise_empty, read_call, read_message, read_tools, wrong_type

NAME = "sharegpt"
TITLE = "Conversations (ShareGPT)"
COLUMNS = "conversations (from, value)"

SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "model": "assistant",
    "system": "system",
    "function_call": "call",
    "tool_call": "call",
    "observation": "tool",
    "tool": "tool",
    "function_response": "tool",
}


def recognise(row: dict[str, Any]) -> bool:
    return "conversations" in row or "conversation" in row


def to_example(row: dict[str, Any]) -> Example:
    field = "conversations" if "conversations" in row else "conversation"
    messages = read_conversation(row[field], field)
    system = row.get("system")
    if type(system) is str and system.strip() and messages[0]["role"] != "system":
        messages = ({"role": "system", "content": system}, *messages)
    need_answer(messages, field)
    return Example(NAME, messages, tools=read_tools(row))


def read_conversation(value: Any, field: str) -> tuple[Message, ...]:
    """ShareGPT turns (or OpenAI ones under the same column) as canonical ones. Raises RowProblem."""
    if type(value) is not list:
        raise wrong_type(field, value, "a list of turns")
    if not value:
        raise RowProblem("empty_prompt", f"{field!r} is an empty list.", "Remove the row.")
    return tuple([read_turn(turn, field, place) for place, turn in enumerate(value)])


def read_turn(turn: Any, field: str, place: int) -> Message:
    where = f"{field}[{place}]"
    if type(turn) is not dict:
        raise wrong_type(where, turn, "an object with from and value")
    if "from" not in turn and "role" in turn:
        return read_message(turn, field, place)
    speaker = turn.get("from")
    role = SPEAKERS.get(speaker) if type(speaker) is str else None
    if role is None:
        found = f"{where} is from {str(speaker)[:40]!r}." if "from" in turn else f"{where} has no 'from'."
        raise RowProblem("unknown_role", found, "Use human, gpt, system, function_call or observation.")
    text = turn.get("value")
    if type(text) is not str:
        raise wrong_type(f"{where}.value", text, "text")
    if role == "call":
        if not text.strip():
            raise_empty("assistant", f"{where}.value")
        return {"role": "assistant", "content": "", "tool_calls": [read_call(text)]}
    if not text.strip():
        raise_empty(role, f"{where}.value")
    return {"role": role, "content": text}
