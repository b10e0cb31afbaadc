"""What a form has no place for, in words; and the turns that several forms write alike."""

from __future__ import annotations

import json
from typing import Any

from engine.data.example import Example, Message


class Inexpressible(Exception):
    """The form has no place for something this row holds. ``reason`` says what, in a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


RAW_TEXT = "raw text, which has no turns"
THUMB = "a thumb up or down"
TOOLS = "tools or tool calls"
CALL_CHOSEN = "a tool call as the answer to prefer"


def need_turns(example: Example) -> None:
    if not example.messages:
        raise Inexpressible(RAW_TEXT)


def refuse_calls_to_choose(example: Example) -> None:
    """Both answers of a preference are kept as text: a call among them can no longer be written as one."""
    if example.rejected is not None and example.messages[-1].get("tool_calls"):
        raise Inexpressible(CALL_CHOSEN)


def refuse_extras(example: Example) -> None:
    """For forms whose turns are text alone."""
    for message in example.messages:
        if message.get("reasoning_content"):
            raise Inexpressible("reasoning beside an answer")
        if message["role"] == "assistant" and message.get("weight", 1) != 1:
            raise Inexpressible("a weight on a turn")
        if message.get("name"):
            raise Inexpressible("a name on a turn")


def chat_turns(messages: tuple[Message, ...]) -> list[Message]:
    """Turns as the OpenAI API writes them: arguments of calls as a string of JSON, null content beside calls, and
    each call with an id that its answer repeats (given in order where the row has none)."""
    turns: list[Message] = []
    waiting: list[str] = []
    number = 0
    for message in messages:
        turn = dict(message)
        if calls := message.get("tool_calls"):
            turn["tool_calls"] = []
            for call in calls:
                number += 1
                turn["tool_calls"].append(_call(call, number))
            turn["content"] = message["content"] or None
            waiting = [call["id"] for call in turn["tool_calls"]]
        elif message["role"] == "tool":
            if "tool_call_id" not in message and waiting:
                turn["tool_call_id"] = waiting[0]
            waiting = waiting[1:]
        turns.append(turn)
    return turns


def _call(call: Any, number: int) -> dict[str, Any]:
    name, arguments = name_and_arguments(call)
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    known = call.get("id")
    return {
        "id": known if isinstance(known, str) and known else f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def name_and_arguments(call: Any) -> tuple[str, Any]:
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise Inexpressible("a tool call that names no tool")
    return function["name"], function.get("arguments", {})
