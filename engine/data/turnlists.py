"""Lists of turns inside a row, in whichever of the two spellings: role and content, or from and value."""

from __future__ import annotations

from typing import Any

from engine.data.formats.sharegpt import SPEAKERS
from engine.data.formats.turns import ROLES

COLUMNS = ("messages", "conversations", "conversation")
_SPOKEN = {"user": "human", "assistant": "gpt", "system": "system", "tool": "observation"}

Turn = dict[str, Any]


def conversation_column(row: dict[str, Any]) -> str | None:
    """The column that holds the conversation; None when there is none that is a list of turns."""
    column = next((name for name in COLUMNS if name in row), None)
    return column if column is not None and is_turns(row[column]) else None


def is_turns(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(turn) is dict for turn in value)


def text_key(turn: Turn) -> str:
    return "value" if "from" in turn else "content"


def role_key(turn: Turn) -> str:
    return "from" if "from" in turn else "role"


def role_of(turn: Turn) -> str | None:
    """system, user, assistant or tool; None for a speaker that is not known. A tool call is the assistant's."""
    speaker = turn.get(role_key(turn))
    if type(speaker) is not str:
        return None
    if "from" not in turn:
        return ROLES.get(speaker)
    role = SPEAKERS.get(speaker)
    return "assistant" if role == "call" else role


def spoken_by(turn: Turn, role: str) -> Turn:
    """The turn with another speaker, in its own spelling."""
    key = role_key(turn)
    return turn | {key: _SPOKEN[role] if key == "from" else role}


def turn_like(turns: list[Turn], role: str, text: str) -> Turn:
    """A new turn in the spelling of these."""
    if "from" in turns[0]:
        return {"from": _SPOKEN[role], "value": text}
    return {"role": role, "content": text}


def is_plain(turn: Turn) -> bool:
    """Nothing but a speaker and a text: such turns can be joined without losing anything."""
    return (
        len(turn) == 2
        and type(turn.get(text_key(turn))) is str
        and turn.get("from") not in ("function_call", "tool_call")
    )


def joined(first: Turn, second: Turn) -> Turn:
    key = text_key(first)
    return first | {key: f"{first[key]}\n\n{second[text_key(second)]}"}
