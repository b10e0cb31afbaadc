"""What is asked in rows that have no answer beside it: benchmarks, prompt lists, logs of real traffic."""

from __future__ import annotations

from typing import Any

# (role, what is said)
Turn = tuple[str, str]
# Columns that ask, in the order in which they are looked for, in any case.
COLUMNS = (
    *("prompt", "question", "instruction", "query", "problem", "goal", "ctx", "text", "input", "message", "content"),
    *("utterance", "sentence", "premise", "user", "request"),
)
_CONVERSATIONS = ("messages", "conversations", "conversation", "dialog", "dialogue")
_ROLES = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "system": "system"}


def unanswered(row: dict[str, Any]) -> list[list[Turn]]:
    """The questions of a row, each as its turns; several only where a list of turns holds one text after the other
    (MT-bench). Nothing when the row does not say what it asks."""
    plain = {name.casefold(): value for name, value in row.items()}
    for name in _CONVERSATIONS:
        if turns := _conversation(plain.get(name)):
            return [turns]
    listed = plain.get("turns")
    if isinstance(listed, list) and listed and all(isinstance(each, str) for each in listed):
        return [[("user", each)] for each in listed if each.strip()]
    for name in COLUMNS:
        value = plain.get(name)
        if turns := _conversation(value):
            return [turns]
        if isinstance(value, str) and value.strip():
            given = plain.get("input") if name == "instruction" else None
            both = (value, given) if isinstance(given, str) and given.strip() else (value,)
            return [[("user", "\n".join(both))]]
    return []


def _conversation(value: Any) -> list[Turn]:
    """Turns of role and content (or from and value), when somebody asks among them."""
    if not isinstance(value, list):
        return []
    turns = []
    for turn in value:
        said = turn.get("content", turn.get("value")) if isinstance(turn, dict) else None
        role = turn.get("role", turn.get("from")) if isinstance(turn, dict) else None
        if isinstance(said, str) and said.strip() and isinstance(role, str) and role in _ROLES:
            turns.append((_ROLES[role], said))
    return turns if any(role == "user" for role, _ in turns) else []
