"""How answers are read by more than one metric: normalised text, labels, strict and lenient JSON.

Model output is hostile: nothing here raises on any text, and nothing takes time beyond about its length.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

MISSING = object()
"""Stands for "no JSON here" (None is a JSON value)."""

_EDGES = " \t\r\n\"'`“”‘’«»"
_CLOSING = ".!,;:。！"
_MAX_JSON = 1_000_000
_OVERLAPS = 20
_FENCE = re.compile(r"```[a-zA-Z0-9_-]*[ \t]*\r?\n?(.*?)```", re.DOTALL)


def normalised(text: str) -> str:
    """NFKC, case folded, runs of blanks made one, outer quotes and closing punctuation off."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    joined = " ".join(folded.split())
    return joined.strip(_EDGES).rstrip(_CLOSING).strip(_EDGES) or joined


def holds(text: str, part: str) -> bool:
    """Whether `part` stands in `text` as whole words (both already normalised)."""
    return bool(part) and any(_apart(text, at, at + len(part)) for at in _places(text, part))


def _apart(text: str, start: int, end: int) -> bool:
    """Whether no word goes on over either end of text[start:end]."""
    left = start > 0 and _in_word(text[start]) and _in_word(text[start - 1])
    return not left and not (end < len(text) and _in_word(text[end - 1]) and _in_word(text[end]))


def _in_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def _places(text: str, part: str) -> Iterator[int]:
    """Where `part` begins in `text`, overlapping ones too, in time that grows with the lengths and not their product:
    the library's search, and after a few places that overlap the failure function of Knuth, Morris and Pratt (1977)."""
    at = text.find(part)
    for _ in range(_OVERLAPS):
        if at < 0:
            return
        yield at
        at = text.find(part, at + 1)
    if at < 0:
        return
    fail, known = [0] * len(part), 0
    for index in range(1, len(part)):
        while known and part[index] != part[known]:
            known = fail[known - 1]
        known += part[index] == part[known]
        fail[index] = known
    known = 0
    for index in range(at, len(text)):
        while known and (known == len(part) or text[index] != part[known]):
            known = fail[known - 1]
        known += text[index] == part[known]
        if known == len(part):
            yield index - len(part) + 1


def strict_json(text: str) -> Any:
    """The object or array that the whole text is, else MISSING. NaN, Infinity and repeated keys are not JSON
    here.
    """
    stripped = text.strip(" \t\r\n")
    if not stripped or stripped[0] not in "{[" or len(stripped) > _MAX_JSON:
        return MISSING
    try:
        return json.loads(stripped, parse_constant=_refuse, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return MISSING


def lenient_json(text: str) -> Any:
    """As strict_json, but a fenced block, or the first whole object or array among other words, is taken
    too.
    """
    value = strict_json(text)
    if value is not MISSING:
        return value
    for block in _FENCE.findall(text[:_MAX_JSON]):
        value = strict_json(block)
        if value is not MISSING:
            return value
    decoder = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_object)
    starts = [match.start() for match in re.finditer(r"[{\[]", text[:_MAX_JSON])]
    # Each try may read to the end of the text: a page of "[" must not cost its square.
    for start in starts[:50]:
        try:
            return decoder.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            continue
    return MISSING


def same_value(one: Any, other: Any) -> bool:
    """Equal as JSON values: true is not 1, 1 equals 1.0, key order is nothing, array order is something."""
    try:
        return canonical(one) == canonical(other)
    except RecursionError:
        return False


def canonical(value: Any) -> str:
    """A text that two JSON values share exactly when they are the same value."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
