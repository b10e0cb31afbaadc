"""One usable row as the checks see it: its example and the keys by which rows are compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import msgspec
import orjson

from engine.data.example import Example
from engine.data.gates import OPEN
from engine.data.normalise import ANSWER, PART, coarse_all
from engine.data.spans import is_silenced

SHORT_ANSWER = 64
_ANSWER = ANSWER.encode()


class Seen(msgspec.Struct):
    """``raw`` is everything that is trained on, in UTF-8: ``prompt``, ``answer`` and ``rest``, of which ``sizes`` are
    the characters. ``prompt_key``, ``answer_key`` and ``rest_key`` are their coarse forms, ``key`` all three.
    ``roles`` has a letter for each turn (user, assistant, system, tool), ``reply`` is the example's answer. ``tokens``
    and ``prompt_tokens`` are -1 when they were not counted. ``turns``: role, content, role, content, … where nothing
    else is in a turn and the last is an answer. ``gates``: engine/data/gates.py; ``said``:
    engine/data/shingles.py; ``beside``: engine/data/beside.py."""

    number: int
    line: int
    format: str
    example: Example
    raw: bytes
    sizes: tuple[int, int, int]
    roles: str
    reply: str
    label: str | None
    prompt_key: bytes = b""
    answer_key: bytes = b""
    rest_key: bytes = b""
    tokens: int = -1
    prompt_tokens: int = -1
    gates: int = OPEN
    said: tuple[bytes, int] | None = None
    beside: str = ""
    turns: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.raw.decode("utf-8", "surrogatepass")

    @property
    def prompt(self) -> str:
        return self.text[: self.sizes[0]]

    @property
    def answer(self) -> str:
        prompt, answer, _ = self.sizes
        return self.text[prompt + 1 : prompt + 1 + answer]

    @property
    def rest(self) -> str:
        return self.text[sum(self.sizes[:2]) + 2 :]

    @property
    def key(self) -> bytes:
        return _ANSWER.join((self.prompt_key, self.answer_key, self.rest_key))

    @property
    def same(self) -> int:
        """A number that rows share whose ``key`` is the same."""
        return hash((self.prompt_key, self.answer_key, self.rest_key))


def see(number: int, line: int, format_name: str, example: Example) -> Seen:
    seen = without_keys(number, line, format_name, example)
    add_keys([seen])
    return seen


def without_keys(number: int, line: int, format_name: str, example: Example) -> Seen:
    """A row as it is seen before ``add_keys``, which is cheaper for many at once."""
    messages = example.messages
    if not messages or messages[-1]["role"] != "assistant" or example.tools or example.choices:
        return _odd(number, line, format_name, example)
    if example.rejected is not None or example.label is not None:
        return _odd(number, line, format_name, example)
    parts: list[str] = []
    for message in messages:
        if len(message) != 2:
            return _odd(number, line, format_name, example)
        parts += (message["role"], message["content"])
    reply = parts[-1]
    prompt, answer = PART.join(parts[:-2]), f"assistant{PART}{reply}"
    raw = f"{prompt}{ANSWER}{answer}{ANSWER}".encode("utf-8", "surrogatepass")
    label = reply if 0 < len(reply) <= SHORT_ANSWER and "\n" not in reply else None
    if example.chosen is not None:
        reply = example.chosen
    sizes = (len(prompt), len(answer), 0)
    roles = _letters(tuple(parts[::2]))
    return Seen(number, line, format_name, example, raw, sizes, roles, reply, label, turns=tuple(parts))


def _odd(number: int, line: int, format_name: str, example: Example) -> Seen:
    """One with tools, a second answer, or whatever else makes it more than a question and its answer."""
    parts = content(example)
    prompt, answer, rest = parts
    raw = joined(*parts).encode("utf-8", "surrogatepass")
    sizes = (len(prompt), len(answer), len(rest))
    roles = _letters(tuple([message["role"] for message in example.messages]))
    return Seen(number, line, format_name, example, raw, sizes, roles, example.answer, label_of(example))


@lru_cache(maxsize=4096)
def _letters(roles: tuple[str, ...]) -> str:
    return "".join([role[0] for role in roles])


def add_keys(rows: list[Seen]) -> None:
    for seen, key in zip(rows, coarse_all([seen.raw for seen in rows]), strict=True):
        seen.prompt_key, seen.answer_key, seen.rest_key = key.split(_ANSWER, 2)


def with_roles(rows: list[Seen], odd: Callable[[str], bool]) -> list[Seen]:
    """The rows with turns that are in an odd order: what depends on that alone is not asked of every row."""
    those = {roles for roles in {seen.roles for seen in rows} if roles and odd(roles)}
    return [seen for seen in rows if seen.roles in those] if those else []


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
