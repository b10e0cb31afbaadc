"""The columns that stand beside what is trained on (an id, a user's address, a source): nobody learns them, but they
are in the file, go where it goes, and may hold personal data and secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from engine.data.formats import classification, evaluation, kto, preference, prompt_completion

_TOOLS = ("tools", "functions", "system")
_TURNS = ("messages", "conversations", "conversation")
_ALPACA = ("instruction", "input", "output", "history")
_PAIRS = tuple({column for pair in prompt_completion.PAIRS for column in pair})
# format → the columns it reads
READ: dict[str, frozenset[str]] = {
    "preference": frozenset((*preference.CHOSEN, *preference.REJECTED, *preference.PROMPTS, "input", *_TOOLS)),
    "kto": frozenset((*kto.THUMBS, *_TURNS, *_ALPACA, *_PAIRS, *_TOOLS)),
    "messages": frozenset((*_TURNS, *_TOOLS)),
    "sharegpt": frozenset((*_TURNS, *_TOOLS)),
    "evaluation": frozenset(re.findall(r"\w+", evaluation.COLUMNS + " context continuation context_options")),
    "slots": frozenset(("userInput", "labels")),
    "alpaca": frozenset((*_ALPACA, *_TOOLS)),
    "prompt_completion": frozenset((*_PAIRS, *_TOOLS)),
    "classification": frozenset((*classification.TEXTS, *classification.LABELS)),
    "text": frozenset(("text",)),
}
# The kind of what is found there and nowhere else in the row.
BESIDE = "in a column beside"
# A name that announces its value as a word before it would; and one whose value only tells rows apart.
_ANNOUNCES = re.compile(
    r"phone|mobile|telefon|fax|ssn|social_security|passw|passphrase|secret|api_?key|token$", re.IGNORECASE
)
_TELLS_APART = re.compile(r"(?:^|_)(?:id|idx|index|uuid|guid|hash|sha\d*|md5|digest|timestamp)$", re.IGNORECASE)


def beside(row: dict[str, Any], format_name: str) -> str:
    """Every text of the columns that ``format_name`` does not read, a line each; nothing where there are none. A value
    of a column such as user_phone or password stands behind its name."""
    texts: list[str] = []
    for name, announces, tells_apart in _others(format_name, tuple(row)):
        value = row[name]
        if announces or isinstance(value, (dict, list)):
            texts += _texts(value, name)
        elif isinstance(value, str) and value and (not tells_apart or "@" in value):
            texts.append(value)
    return "\n".join(texts)


@lru_cache(maxsize=256)
def _others(format_name: str, columns: tuple[str, ...]) -> list[tuple[str, bool, bool]]:
    """The columns that are not read: (name, does it announce its value, does it only tell rows apart)."""
    names = [name for name in columns if name not in READ[format_name]]
    return [(name, bool(_ANNOUNCES.search(name)), bool(_TELLS_APART.search(name))) for name in names]


def _texts(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)
    elif isinstance(value, str) and value:
        if _ANNOUNCES.search(name):
            yield from _announced(name, value)
        elif "@" in value or not _TELLS_APART.search(name):
            yield value
    elif type(value) is int and _ANNOUNCES.search(name):
        yield from _announced(name, str(value))


def _announced(name: str, value: str) -> Iterator[str]:
    """As names of columns are written, and as words are."""
    words = re.sub(r"[_-]+|(?<=[a-z])(?=[A-Z])", " ", name)
    yield f"{words}: {value}"
    if words != name:
        yield f"{name}: {value}"
