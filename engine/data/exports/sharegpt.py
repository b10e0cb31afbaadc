"""ShareGPT rows: ``conversations`` of from and value, with function_call and observation turns."""

from __future__ import annotations

import json
from typing import Any

from engine.data.example import Example, Message
from engine.data.exports.limits import (
    Inexpressible,
    name_and_arguments,
    need_turns,
    refuse_calls_to_choose,
    refuse_extras,
)

TITLE = "ShareGPT"
ABOUT = "conversations with from and value"

SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}


def row(example: Example) -> dict[str, Any]:
    """Raises Inexpressible."""
    need_turns(example)
    refuse_extras(example)
    refuse_calls_to_choose(example)
    tools = {"tools": json.dumps(example.tools, ensure_ascii=False)} if example.tools else {}
    if example.rejected is not None:
        return {
            "conversations": [_turn(turn) for turn in example.messages[:-1]],
            "chosen": _turn(example.messages[-1]),
            "rejected": {"from": "gpt", "value": example.rejected},
            **tools,
        }
    made: dict[str, Any] = {"conversations": [_turn(turn) for turn in example.messages], **tools}
    return made if example.label is None else {**made, "kto_tag": example.label}


def _turn(message: Message) -> dict[str, str]:
    calls = message.get("tool_calls")
    if not calls:
        return {"from": SPEAKERS[message["role"]], "value": message["content"]}
    if len(calls) > 1:
        raise Inexpressible("several tool calls in one turn")
    if message["content"].strip():
        raise Inexpressible("words beside a tool call")
    name, arguments = name_and_arguments(calls[0])
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            raise Inexpressible("arguments of a tool call that are not JSON") from None
    return {"from": "function_call", "value": json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)}
