"""One usable row as the checks see it: its example and the keys by which rows are compared."""

from __future__ import annotations

import msgspec
import orjson

from engine.data.example import Example
from engine.data.normalise import ANSWER, PART, coarse

SHORT_ANSWER = 64


class Seen(msgspec.Struct):
    """``prompt`` and ``answer`` are everything that is trained on, as text; the keys are their coarse forms.
    ``tokens`` and ``prompt_tokens`` are -1 when they were not counted."""

    number: int
    line: int
    format: str
    example: Example
    prompt: str
    answer: str
    key: bytes
    prompt_key: bytes
    label: str | None
    tokens: int = -1
    prompt_tokens: int = -1


def see(number: int, line: int, format_name: str, example: Example) -> Seen:
    prompt, answer = content(example)
    key = coarse(prompt + ANSWER + answer)
    prompt_key = key[: key.index(0x1E)]
    return Seen(number, line, format_name, example, prompt, answer, key, prompt_key, label_of(example))


def content(example: Example) -> tuple[str, str]:
    """(what stands before the answer, the answer and what comes with it). Two rows are exact duplicates when both
    are equal: columns that are not trained on (an id, a source) do not make a row new."""
    messages = example.messages
    if not messages:
        return "", example.text or ""
    split = len(messages) - 1 if messages[-1]["role"] == "assistant" else example.answer_index
    parts = []
    for message in messages:
        text = message["role"] + PART + message["content"]
        if len(message) > 2 and message.get("tool_calls"):
            text += PART + orjson.dumps(message["tool_calls"], option=orjson.OPT_SORT_KEYS).decode()
        parts.append(text)
    after = parts[split:]
    if example.tools:
        parts.insert(0, orjson.dumps(example.tools, option=orjson.OPT_SORT_KEYS).decode())
        split += 1
    if example.rejected is not None:
        after.append(example.rejected)
    if example.label is not None:
        after.append(str(example.label))
    return PART.join(parts[:split]), PART.join(after)


def label_of(example: Example) -> str | None:
    """What a row would count as in a class balance: KTO's thumb, or a short one-line answer; else None."""
    if example.label is not None:
        return "true" if example.label else "false"
    if example.rejected is not None or not example.messages:
        return None
    last = example.messages[-1]
    answer = last["content"] if last["role"] == "assistant" else example.messages[example.answer_index]["content"]
    return answer if 0 < len(answer) <= SHORT_ANSWER and "\n" not in answer else None
