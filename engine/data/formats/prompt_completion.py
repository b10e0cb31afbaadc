"""A question column and an answer column: prompt/completion, prompt/response, question/answer and their kin."""

from __future__ import annotations

from typing import Any

from engine.data.errors import RowProblem
from engine.data.example import Example, Message
from engine.data.formats.turns import empty_answer, empty_prompt, need_text, read_messages, read_tools, user_and_answer

NAME = "prompt_completion"
TITLE = "Prompt and completion"
COLUMNS = "prompt, completion (or prompt, response; question, answer)"

PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("prompt", "answer"),
    ("prompt", "output"),
    ("question", "answer"),
    ("question", "response"),
    ("instruction", "response"),
    ("instruction", "completion"),
    ("query", "response"),
    ("query", "answer"),
    ("context", "answer"),
    ("input", "output"),
    ("input", "response"),
)


def recognise(row: dict[str, Any]) -> bool:
    return any(prompt in row and answer in row for prompt, answer in PAIRS)


def to_example(row: dict[str, Any]) -> Example:
    prompt, answer = next((p, a) for p, a in PAIRS if p in row and a in row)
    tools = read_tools(row) if "tools" in row or "functions" in row else None
    return Example(NAME, read_pair(row, prompt, answer), tools=tools)


def read_pair(row: dict[str, Any], prompt: str, answer: str) -> tuple[Message, ...]:
    """The two columns as turns; each may be text or (TRL's conversational form) a list of turns."""
    if type(row[prompt]) is list or type(row[answer]) is list:
        return _turns(row, prompt, "user") + _answer_turns(row, answer)
    question, reply = need_text(row, prompt), need_text(row, answer)
    if not question.strip():
        raise empty_prompt(prompt)
    if not reply.strip():
        raise empty_answer(answer)
    system = row.get("system")
    return user_and_answer(question, reply, system if type(system) is str and system.strip() else "")


def _answer_turns(row: dict[str, Any], field: str) -> tuple[Message, ...]:
    turns = _turns(row, field, "assistant")
    if turns[-1]["role"] != "assistant":
        raise RowProblem("no_assistant_turn", f"{field!r} does not end with the assistant.", "Put the answer there.")
    return turns


def _turns(row: dict[str, Any], field: str, role: str) -> tuple[Message, ...]:
    if type(row[field]) is list:
        return read_messages(row[field], field)
    text = need_text(row, field)
    if not text.strip():
        raise empty_prompt(field) if role == "user" else empty_answer(field)
    return ({"role": role, "content": text},)
