"""OpenAI chat rows: ``messages`` with role and content; tools, tool calls and typed content parts."""

from __future__ import annotations

from typing import Any

from engine.data.example import Example
from engine.data.formats.turns import need_answer, read_messages, read_tools

NAME = "messages"
TITLE = "Chat messages (OpenAI)"
COLUMNS = "messages"


def recognise(row: dict[str, Any]) -> bool:
    return "messages" in row


def to_example(row: dict[str, Any]) -> Example:
    messages = read_messages(row["messages"], "messages")
    need_answer(messages, "messages")
    tools = read_tools(row) if "tools" in row or "functions" in row else None
    return Example(NAME, messages, tools=tools)
