"""Tool calls, read from an answer's text in the ways chat templates write them. Shared by two metrics.

- OpenAI's ``tool_calls``, a list of {"type": "function", "function": {"name", "arguments"}}; arguments may be text;
- Hermes, Qwen, SmolLM: ``<tool_call>{"name": …, "arguments": {…}}</tool_call>``, once a call;
- Llama 3: ``{"name": …, "parameters": {…}}``, perhaps after ``<|python_tag|>``, several parted by ``;``;
- Mistral: ``[TOOL_CALLS] [{"name": …, "arguments": {…}}]``; Llama's ``<function=name>{…}</function>``.

Answers are hostile text: nothing here raises, and what is read is bounded.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from engine.evaluation.metrics.reading import MISSING, canonical, strict_json

Calls = Counter[tuple[str, str]]
MOST_CALLS = 50
_READ = 100_000
_MOST_STARTS = 200
_FUNCTION = re.compile(r"<function=([^<>\s]{1,200})>")
_START = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder()


def calls_in(text: str) -> Calls:
    """(name, canonical arguments) of each call, in no order. Empty where there is none."""
    try:
        return Counter(_calls(text[:_READ]))
    except RecursionError:
        return Counter()


def _calls(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = tries = 0
    while tries < _MOST_STARTS and len(found) < MOST_CALLS:
        start = _START.search(text, place)
        if start is None:
            break
        tries += 1
        try:
            value, place = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            place = start.end()
            continue
        named = list(_FUNCTION.finditer(text, max(0, start.start() - 220), start.start()))
        if named and named[-1].end() == start.start() and isinstance(value, dict):
            found.append((named[-1][1], canonical(value)))
        else:
            found += _of_value(value)
    return found[:MOST_CALLS]


def _of_value(value: Any, depth: int = 0) -> list[tuple[str, str]]:
    if isinstance(value, list):
        return [call for item in value[:MOST_CALLS] for call in _of_value(item, depth + 1)] if depth < 3 else []
    if not isinstance(value, dict):
        return []
    if isinstance(value.get("tool_calls"), list):
        return _of_value(value["tool_calls"], depth + 1) if depth < 3 else []
    inner = value.get("function")
    call = inner if isinstance(inner, dict) else value
    name = call.get("name", inner if isinstance(inner, str) else None)
    if not isinstance(name, str) or not name or not ("arguments" in call or "parameters" in call or inner is call):
        return []
    arguments = call.get("arguments", call.get("parameters", {}))
    if isinstance(arguments, str):
        parsed = strict_json(arguments)
        arguments = arguments if parsed is MISSING else parsed
    return [(name, canonical({} if arguments is None or arguments == "" else arguments))]
