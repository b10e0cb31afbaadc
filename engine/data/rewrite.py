"""The texts inside a row, changed one by one: keys stay, and a text that is JSON stays JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Change = Callable[[str], str]
Number = Callable[[int | float], Any]


def rewrite(value: Any, change: Change, number: Number | None = None) -> Any:
    """``value`` with every text changed, and every number given to ``number`` (a number may become a text). What does
    not change comes back as the same object."""
    if type(value) is str:
        return _text(value, change, number)
    if type(value) is dict:
        made = {key: rewrite(item, change, number) for key, item in value.items()}
        return made if any(made[key] is not value[key] for key in made) else value
    if type(value) is list:
        items = [rewrite(item, change, number) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if number is not None and type(value) in (int, float):
        return number(value)
    return value


def _text(text: str, change: Change, number: Number | None) -> str:
    held = held_json(text)
    changed = change(text)
    if held is None:
        return text if changed == text else changed
    # Arguments of a tool call, for example. Written over as they stand where that leaves JSON; what is spelt with
    # escapes, and what would break it, is changed inside.
    if changed != text:
        again = held_json(changed)
        text, held = (changed, again) if again is not None else (text, held)
    inner = rewrite(held, change, number)
    return text if inner is held else json.dumps(inner, ensure_ascii=False)


def held_json(text: str) -> Any:
    """The object or list that a text holds as JSON; None when it holds neither."""
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return None
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return held if type(held) in (dict, list) else None
