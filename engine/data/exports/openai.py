"""OpenAI's fine-tuning rows: ``messages`` with tools; a preference as ``input``, ``preferred_output`` and
``non_preferred_output``. ``reasoning_content`` stays where a row has it."""

from __future__ import annotations

from typing import Any

from engine.data.example import Example
from engine.data.exports.limits import THUMB, Inexpressible, chat_turns, need_turns, refuse_calls_to_choose

TITLE = "OpenAI"
ABOUT = "messages with role and content; tools and tool calls"


def row(example: Example) -> dict[str, Any]:
    """Raises Inexpressible."""
    need_turns(example)
    if example.label is not None:
        raise Inexpressible(THUMB)
    refuse_calls_to_choose(example)
    turns = chat_turns(example.messages)
    tools = {"tools": example.tools} if example.tools else {}
    if example.rejected is None:
        return {"messages": turns, **tools}
    return {
        "input": {"messages": turns[:-1], **tools},
        "preferred_output": turns[-1:],
        "non_preferred_output": [{"role": "assistant", "content": example.rejected}],
    }
