"""What formats share: reading one value, one turn, one list of turns, strictly and with a sentence when it fails."""

from __future__ import annotations

import json
from typing import Any

from engine.data.errors import RowProblem
from engine.data.example import Message

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_KINDS = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
_CANONICAL = ("user", "assistant", "system", "tool")  # a tuple: a role may be a list, which no set can look up


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    return _KINDS.get(type(value), "null")


def need_text(row: dict[str, Any], field: str) -> str:
    """The text in ``field``. Raises RowProblem wrong_type."""
    value = row[field]
    if type(value) is not str:
        raise wrong_type(field, value, "text")
    return value


def wrong_type(field: str, value: Any, wanted: str) -> RowProblem:
    found = f"{field!r} holds {kind_of(value)} where {wanted} belongs."
    return RowProblem("wrong_type", found, f"Write {field!r} as {wanted}.")


def empty_prompt(field: str) -> RowProblem:
    return RowProblem("empty_prompt", f"{field!r} is empty.", "Fill it in, or remove the row: it asks nothing.")


def empty_answer(field: str) -> RowProblem:
    return RowProblem(
        "empty_answer", f"{field!r} is empty.", "Write the answer, or remove the row: it teaches silence."
    )


def user_and_answer(prompt: str, answer: str, system: str = "") -> tuple[Message, ...]:
    turns: tuple[Message, ...] = ({"role": "user", "content": prompt}, {"role": "assistant", "content": answer})
    return ({"role": "system", "content": system}, *turns) if system else turns


def read_messages(value: Any, field: str) -> tuple[Message, ...]:
    """OpenAI turns as canonical ones. Raises RowProblem naming the turn: wrong_type, unknown_role, empty_prompt,
    empty_answer."""
    if type(value) is not list:
        raise wrong_type(field, value, "a list of turns")
    if not value:
        raise RowProblem("empty_prompt", f"{field!r} is an empty list.", "Remove the row.")
    turns: list[Message] = []
    for place, turn in enumerate(value):
        # The common case, most of a large file: two keys, both as they should be. The turn is used as it stands.
        if type(turn) is dict and len(turn) == 2 and turn.get("role") in _CANONICAL:
            content = turn.get("content")
            if type(content) is str and content and not content.isspace():
                turns.append(turn)
                continue
        turns.append(read_message(turn, field, place))
    return tuple(turns)


def read_message(turn: Any, field: str, place: int) -> Message:
    if type(turn) is not dict:
        raise wrong_type(f"{field}[{place}]", turn, "an object with role and content")
    role = turn.get("role")
    content = turn.get("content")
    known = ROLES.get(role) if type(role) is str else None
    if known is None:
        found = (
            f"{field}[{place}] has the role {str(role)[:40]!r}."
            if "role" in turn
            else f"{field}[{place}] has no 'role'."
        )
        raise RowProblem("unknown_role", found, "Use system, user, assistant or tool.")
    return _read_rich(turn, known, content, f"{field}[{place}]")


def _read_rich(turn: Message, role: str, content: Any, where: str) -> Message:
    message: Message = {"role": role}
    calls = turn.get("tool_calls") or (
        [{"type": "function", "function": turn["function_call"]}] if turn.get("function_call") else None
    )
    if calls is not None and type(calls) is not list:
        raise wrong_type(f"{where}.tool_calls", calls, "a list of calls")
    if type(content) is list:
        content, reasoning, part_calls = _read_parts(content, where)
        calls = [*(calls or []), *part_calls] or None
        if reasoning:
            message["reasoning_content"] = reasoning
    elif content is None:
        content = ""
    elif type(content) is not str:
        raise wrong_type(f"{where}.content", content, "text")
    message["content"] = content
    if calls:
        message["tool_calls"] = calls
    for key, value in turn.items():
        if value is None:
            continue
        if key in ("name", "tool_call_id", "reasoning_content"):
            message[key] = value
        elif key in ("weight", "loss_weight"):
            if type(value) not in (int, float):
                raise wrong_type(f"{where}.{key}", value, "a number")
            if role == "assistant" and value not in (0, 1):
                found = f"{where}.{key} is {value}; a turn is trained (1) or read only (0), nothing in between."
                raise RowProblem("wrong_type", found, "Write 1 or 0, or leave the weight out.")
            message["weight"] = value
    if not content.strip() and not calls:
        raise_empty(role, where)
    return message


def raise_empty(role: str, where: str) -> None:
    """A turn without words. A tool may answer with nothing; a person, the system or the assistant may not."""
    if role == "assistant":
        raise empty_answer(where)
    if role != "tool":
        raise empty_prompt(where)


def _read_parts(parts: list[Any], where: str) -> tuple[str, str, list[Any]]:
    """Typed content parts as (text, reasoning, tool calls)."""
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[Any] = []
    for place, part in enumerate(parts):
        if type(part) is str:
            text.append(part)
            continue
        kind = part.get("type") if type(part) is dict else None
        value = part.get("text", part.get("value", part.get(str(kind)))) if type(part) is dict else None
        if kind in ("text", "input_text", "output_text", "refusal", "reasoning", "thinking") and type(value) is str:
            (reasoning if kind in ("reasoning", "thinking") else text).append(value)
        elif kind == "tool_call" and value is not None:
            calls.append(read_call(value))
        elif type(kind) is str and kind not in ("text", "reasoning"):
            found = f"{where}.content[{place}] is a part of type {kind[:40]!r}."
            raise RowProblem("wrong_type", found, "Only text is trained here: remove the part, or the row.")
        else:
            raise wrong_type(f"{where}.content[{place}]", value if kind else part, "a part with type and text")
    return "".join(text), "".join(reasoning), calls


def read_call(value: Any) -> dict[str, Any]:
    """A tool call written as text or as an object, in OpenAI's form. Text that is not JSON stays text."""
    call = value
    if type(value) is str:
        try:
            call = json.loads(value)
        except (ValueError, RecursionError):
            call = value
    if type(call) is dict and "name" in call:
        return {"type": "function", "function": {"name": call["name"], "arguments": call.get("arguments", {})}}
    return {"type": "function", "function": {"name": "", "arguments": call}}


def read_tools(row: dict[str, Any]) -> list[Any] | None:
    """The row's tools; ShareGPT rows carry them as a string of JSON. Raises RowProblem wrong_type."""
    tools = row.get("tools") or row.get("functions")
    if not tools:
        return None
    if type(tools) is str:
        try:
            tools = json.loads(tools)
        except (ValueError, RecursionError):
            found = "'tools' is a string that is not JSON."
            raise RowProblem("wrong_type", found, "Write 'tools' as a list of tool descriptions.") from None
    if type(tools) is not list:
        raise wrong_type("tools", tools, "a list of tool descriptions")
    return tools or None


def need_answer(messages: tuple[Message, ...], field: str) -> None:
    """Raises RowProblem no_assistant_turn when nobody answers."""
    if messages[-1]["role"] != "assistant" and not any(message["role"] == "assistant" for message in messages):
        found = f"{field!r} has {len(messages)} turn{'s' if len(messages) != 1 else ''} and none by the assistant."
        raise RowProblem("no_assistant_turn", found, "Add the answer, or remove the row.")
