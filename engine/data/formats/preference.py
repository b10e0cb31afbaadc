"""Preference rows: a prompt with a chosen and a rejected answer, as text, turn lists or ShareGPT objects."""

from __future__ import annotations

import re
from typing import Any

from engine.data.errors import RowProblem
from engine.data.example import Example, Message, turn_text
from engine.data.formats.sharegpt import read_conversation, read_turn
from engine.data.formats.turns import empty_answer, empty_prompt, read_tools, wrong_type

NAME = "preference"
TITLE = "Preference (chosen and rejected)"
COLUMNS = "prompt, chosen, rejected"

CHOSEN = ("chosen", "chosen_messages", "preferred_output")
REJECTED = ("rejected", "rejected_messages", "non_preferred_output")
PROMPTS = ("prompt", "messages", "conversations", "instruction", "question", "query")
# The text form of Anthropic's helpful-harmless rows: both answers carry the whole dialogue.
_SPEAKER = re.compile(r"\n\n(Human|Assistant): ?")


def recognise(row: dict[str, Any]) -> bool:
    return any(good in row and bad in row for good, bad in zip(CHOSEN, REJECTED, strict=True))


def to_example(row: dict[str, Any]) -> Example:
    field, other = next((good, bad) for good, bad in zip(CHOSEN, REJECTED, strict=True) if good in row and bad in row)
    if field == "preferred_output" and type(row.get("input")) is dict:  # OpenAI: the prompt and its tools together
        row = {**row["input"], field: row[field], other: row[other]}
    prompt = _prompt(row)
    chosen, rejected = _turns(row[field], field, bool(prompt)), _turns(row[other], other, bool(prompt))
    if not prompt:
        prompt = _shared(chosen, rejected)
        if not any(turn["role"] == "user" for turn in prompt):
            found = f"{field!r} and {other!r} share no prompt, and there is no 'prompt' column."
            raise RowProblem(
                "unknown_shape", found, "Add a 'prompt' column, or put the same turns at the start of both."
            )
    good, bad = _answer(_after(prompt, chosen), field), _answer(_after(prompt, rejected), other)
    return Example(NAME, (*prompt, good), chosen=turn_text(good), rejected=turn_text(bad), tools=read_tools(row))


def _prompt(row: dict[str, Any]) -> tuple[Message, ...]:
    field = next((name for name in PROMPTS if name in row), None)
    if field is None:
        return ()
    value = row[field]
    if type(value) is list:
        turns = read_conversation(value, field)
    elif type(value) is str:
        given = row.get("input") if field == "instruction" else None
        text = "\n".join(part for part in (value, given) if type(part) is str and part.strip())
        if not text:
            raise empty_prompt(field)
        turns = ({"role": "user", "content": text},)
    else:
        raise wrong_type(field, value, "text or a list of turns")
    system = row.get("system")
    if type(system) is str and system.strip() and turns[0]["role"] != "system":
        turns = ({"role": "system", "content": system}, *turns)
    return turns


def _turns(value: Any, field: str, has_prompt: bool) -> tuple[Message, ...]:
    if type(value) is dict:
        return (read_turn(value, field, 0),)
    if type(value) is list:
        return read_conversation(value, field)
    if type(value) is not str:
        raise wrong_type(field, value, "text, a turn or a list of turns")
    if not value.strip():
        raise empty_answer(field)
    if has_prompt or not _SPEAKER.match(value):
        return ({"role": "assistant", "content": value},)
    parts = _SPEAKER.split(value)[1:]
    roles = {"Human": "user", "Assistant": "assistant"}
    turns = [{"role": roles[who], "content": text.strip()} for who, text in zip(parts[::2], parts[1::2], strict=True)]
    if not turns[-1]["content"]:
        raise empty_answer(field)
    return tuple(turns)


def _shared(chosen: tuple[Message, ...], rejected: tuple[Message, ...]) -> tuple[Message, ...]:
    """The turns both answers begin with, up to the last one by somebody else than the assistant."""
    shared = _common(chosen[:-1], rejected[:-1])
    while shared and shared[-1]["role"] == "assistant":
        shared = shared[:-1]
    return shared


def _after(prompt: tuple[Message, ...], turns: tuple[Message, ...]) -> tuple[Message, ...]:
    """``turns`` without the prompt, which some rows repeat in their answers."""
    return turns[len(prompt) :] if turns[: len(prompt)] == prompt else turns


def _common(left: tuple[Message, ...], right: tuple[Message, ...]) -> tuple[Message, ...]:
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return left[:count]


def _answer(turns: tuple[Message, ...], field: str) -> Message:
    if len(turns) != 1:
        found = f"{field!r} has {len(turns)} turns after the prompt; one answer belongs there."
        raise RowProblem("wrong_type", found, "Keep the single turn in which the two answers differ.")
    if turns[0]["role"] != "assistant":
        found = f"{field!r} ends with a turn by {turns[0]['role']}, not by the assistant."
        raise RowProblem("no_assistant_turn", found, "Put the answer there, or remove the row.")
    return turns[0]
