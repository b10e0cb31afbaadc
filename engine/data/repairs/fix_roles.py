"""Conversations whose turns are named or ordered in a way that chat templates refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.data.errors import DataError
from engine.data.repairs.context import Context, Item
from engine.data.repairs.fields import EXCEPT, Field, switched_off
from engine.data.turnlists import Turn, conversation_column, is_plain, joined, role_key, role_of, spoken_by

TITLE = "Put turns in order"
ABOUT = "Names the speakers as trainers know them, joins turns of one speaker, and cuts what follows the last answer."
ROLES = ("user", "assistant", "system", "tool")
RENAME = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "ai": "assistant",
    "model": "assistant",
}
FIELDS = (
    Field(
        "rename",
        "Names of speakers",
        "object",
        RENAME,
        "A name in the file and who that is: user, assistant, system or tool. Upper and lower case are one.",
    ),
    Field("merge", "Join turns of one speaker", "switch", True, "Templates refuse two turns of one role in a row."),
    Field("move_system", "System turn first", "switch", True, "Templates put it first or refuse the row."),
    Field("trim_end", "Cut after the last answer", "switch", True, "A question without an answer teaches nothing."),
    EXCEPT,
)
_CODES = {"merge": ("role_order",), "move_system": ("system_not_first",), "trim_end": ("ends_with_user",)}
# A preference's conversation is its prompt: that one ends with the user.
_ANSWERED_ELSEWHERE = ("chosen", "chosen_messages", "preferred_output", "completion")


def check(operation: dict[str, Any]) -> None:
    for name, role in operation.get("rename", {}).items():
        if role not in ROLES:
            raise DataError(f"{name[:40]!r} cannot become {str(role)[:40]!r}.", f"Use one of: {', '.join(ROLES)}.")


def codes(operation: dict[str, Any]) -> tuple[str, ...]:
    return tuple(code for name, mended in _CODES.items() if operation[name] for code in mended)


def where(operation: dict[str, Any], context: Context) -> Iterator[int]:
    return context.with_findings(("unknown_role", "role_order", "system_not_first", "ends_with_user"))


def change(operation: dict[str, Any], context: Context) -> Callable[[Item], list[dict[str, Any]]]:
    rename = {name.strip().lower(): role for name, role in operation["rename"].items()}
    fewer = switched_off(operation, _CODES)
    return lambda item: [fixed(item.row, rename, fewer.get(item.number, operation))]


def fixed(row: dict[str, Any], rename: dict[str, str], wanted: dict[str, Any]) -> dict[str, Any]:
    column = conversation_column(row)
    if column is None:
        return row
    turns = [_renamed(turn, rename) for turn in row[column]]
    if wanted["move_system"]:
        turns = _system_first(turns)
    if wanted["merge"]:
        turns = _merged(turns, ("user", "assistant"))
    if wanted["trim_end"] and not any(name in row for name in _ANSWERED_ELSEWHERE):
        last = max((place for place, turn in enumerate(turns) if role_of(turn) == "assistant"), default=-1)
        turns = turns[: last + 1] or turns
    return row | {column: turns}


def _renamed(turn: Turn, rename: dict[str, str]) -> Turn:
    name = turn.get(role_key(turn))
    if type(name) is not str:
        return turn
    simple = name.strip().lower()
    known = role_of(turn)
    role = rename.get(simple) or known or role_of(turn | {role_key(turn): simple})
    return turn if role is None or role == known else spoken_by(turn, role)


def _system_first(turns: list[Turn]) -> list[Turn]:
    """Several system turns become one where they are nothing but text."""
    system = [turn for turn in turns if role_of(turn) == "system"]
    others = [turn for turn in turns if role_of(turn) != "system"]
    return _merged(system, ("system",)) + others


def _merged(turns: list[Turn], roles: tuple[str, ...]) -> list[Turn]:
    made: list[Turn] = []
    for turn in turns:
        if (
            made
            and role_of(turn) in roles
            and role_of(turn) == role_of(made[-1])
            and is_plain(turn)
            and is_plain(made[-1])
        ):
            made[-1] = joined(made[-1], turn)
        else:
            made.append(turn)
    return made
