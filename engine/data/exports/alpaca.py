"""Alpaca rows: instruction, input (left empty: it is part of the instruction) and output; system and history."""

from __future__ import annotations

from typing import Any

from engine.data.example import Example, Message
from engine.data.exports.limits import TOOLS, Inexpressible, need_turns, refuse_extras

TITLE = "Alpaca"
ABOUT = "instruction, input, output; system and history"


def row(example: Example) -> dict[str, Any]:
    """Raises Inexpressible."""
    need_turns(example)
    refuse_extras(example)
    if example.tools or any(turn["role"] == "tool" or turn.get("tool_calls") for turn in example.messages):
        raise Inexpressible(TOOLS)
    system, pairs = _pairs(example.messages)
    question, answer = pairs[-1]
    made: dict[str, Any] = {"instruction": question, "input": ""}
    if example.rejected is not None:
        if len(pairs) > 1:
            raise Inexpressible("a preference after several turns")
        made |= {"chosen": answer, "rejected": example.rejected}
    else:
        made["output"] = answer
    if system:
        made["system"] = system
    if len(pairs) > 1:
        made["history"] = [list(pair) for pair in pairs[:-1]]
    return made if example.label is None else {**made, "kto_tag": example.label}


def _pairs(messages: tuple[Message, ...]) -> tuple[str, list[tuple[str, str]]]:
    """The system prompt and the turns two by two: a question, then its answer, to the end."""
    system = str(messages[0]["content"]) if messages[0]["role"] == "system" else ""
    turns = messages[1:] if system else messages
    if (
        not turns
        or len(turns) % 2
        or any(turn["role"] != ("assistant" if place % 2 else "user") for place, turn in enumerate(turns))
    ):
        raise Inexpressible("turns that are not questions and answers in alternation")
    texts = [str(turn["content"]) for turn in turns]
    return system, list(zip(texts[::2], texts[1::2], strict=True))
