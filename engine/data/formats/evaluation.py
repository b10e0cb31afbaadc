"""Evaluation rows: a question, its choices and which is right; or a context and its one continuation."""

from __future__ import annotations

from typing import Any

from engine.data.errors import RowProblem
from engine.data.example import Example
from engine.data.formats.turns import empty_answer, empty_prompt, need_text, user_and_answer, wrong_type

NAME = "evaluation"
TITLE = "Evaluation rows (query, choices, gold)"
COLUMNS = "query, choices, gold"


def recognise(row: dict[str, Any]) -> bool:
    return (
        ("choices" in row and "gold" in row and "query" in row)
        or ("context" in row and "continuation" in row)
        or ("context_options" in row and "continuation" in row and "gold" in row)
    )


def to_example(row: dict[str, Any]) -> Example:
    if "choices" in row and "query" in row:
        question, answer = need_text(row, "query"), _pick(row, "choices")
    elif "context_options" in row:
        question, answer = _pick(row, "context_options"), need_text(row, "continuation")
    else:
        question, answer = need_text(row, "context"), need_text(row, "continuation")
    if not question.strip():
        raise empty_prompt("query" if "query" in row else "context")
    if not answer.strip():
        raise empty_answer("choices" if "choices" in row else "continuation")
    offered = row["choices"] if "choices" in row and "query" in row else row.get("context_options", ())
    return Example(NAME, user_and_answer(question, answer), choices=tuple(offered))


def _pick(row: dict[str, Any], field: str) -> str:
    options, gold = row[field], row["gold"]
    if type(options) is not list or not options or not all(type(option) is str for option in options):
        raise wrong_type(field, options, "a list of texts")
    if type(gold) is not int:
        raise wrong_type("gold", gold, "the place of the right choice, counted from 0")
    if not 0 <= gold < len(options):
        found = f"'gold' is {gold} but there are {len(options)} in {field!r} (counted from 0)."
        raise RowProblem("wrong_type", found, "Correct 'gold'.")
    return str(options[gold])
