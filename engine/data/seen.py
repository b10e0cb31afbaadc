"""One usable row as the checks see it: its example and the keys by which rows are compared."""

from __future__ import annotations

import msgspec
import orjson

from engine.data.example import Example
from engine.data.gates import OPEN
from engine.data.normalise import ANSWER, PART, coarse
from engine.data.spans import is_silenced

SHORT_ANSWER = 64


class Seen(msgspec.Struct):
    """``prompt``, ``answer`` and ``rest`` are everything that is trained on, as text; ``raw`` is all three in UTF-8,
    ``key`` their coarse form, ``prompt_key`` and ``answer_key`` are those of the first two. ``tokens`` and
    ``prompt_tokens`` are -1 when they were not counted. ``gates``: engine/data/gates.py; ``said``:
    engine/data/shingles.py; ``beside``: engine/data/beside.py."""

    number: int
    line: int
    format: str
    example: Example
    prompt: str
    answer: str
    rest: str
    raw: bytes
    key: bytes
    prompt_key: bytes
    answer_key: bytes
    label: str | None
    tokens: int = -1
    prompt_tokens: int = -1
    gates: int = OPEN
    said: tuple[bytes, int] | None = None
    beside: str = ""


def see(number: int, line: int, format_name: str, example: Example) -> Seen:
    prompt, answer, rest = content(example)
    text = joined(prompt, answer, rest)
    raw = text.encode("utf-8", "surrogatepass")
    key = coarse(text, raw)
    middle = key.index(0x1E)
    end = key.index(0x1E, middle + 1)
    label = label_of(example)
    keys = (key, key[:middle], key[middle + 1 : end])
    return Seen(number, line, format_name, example, prompt, answer, rest, raw, *keys, label)


def joined(prompt: str, answer: str, rest: str) -> str:
    """A row's content as one text, its parts kept apart."""
    return f"{prompt}{ANSWER}{answer}{ANSWER}{rest}"


def content(example: Example) -> tuple[str, str, str]:
    """(what stands before the answer, the answer and the turns after it, what else is trained on). Two rows are
    exact duplicates when all three are equal: an id or a source beside them does not make a row new."""
    messages = example.messages
    if not messages:
        return "", example.text or "", ""
    split = len(messages) - 1 if messages[-1]["role"] == "assistant" else example.answer_index
    parts = []
    silenced = ""
    for place, message in enumerate(messages):
        text = message["role"] + PART + message["content"]
        if len(message) > 2 and message.get("tool_calls"):
            text += PART + orjson.dumps(message["tool_calls"], option=orjson.OPT_SORT_KEYS).decode()
        if len(message) > 2 and is_silenced(message):
            silenced += f"{PART}untrained {place}"
        parts.append(text)
    after = parts[split:]
    if example.tools:
        parts.insert(0, orjson.dumps(example.tools, option=orjson.OPT_SORT_KEYS).decode())
        split += 1
    rest = ""
    if example.rejected is not None:
        rest = example.rejected
    elif example.label is not None:
        rest = str(example.label)
    elif example.choices:
        rest = PART.join(example.choices)
    return PART.join(parts[:split]), PART.join(after), rest + silenced


def label_of(example: Example) -> str | None:
    """What a row would count as in a class balance: KTO's thumb, or a short one-line answer; else None."""
    if example.label is not None:
        return "true" if example.label else "false"
    if example.rejected is not None or not example.messages:
        return None
    last = example.messages[-1]
    answer = last["content"] if last["role"] == "assistant" else example.messages[example.answer_index]["content"]
    return answer if 0 < len(answer) <= SHORT_ANSWER and "\n" not in answer else None
