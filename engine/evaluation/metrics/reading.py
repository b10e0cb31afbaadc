"""How answers are read by more than one metric: normalised text, labels, strict and lenient JSON.

Model output is hostile: nothing here raises on any text, and nothing takes time beyond about its length.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

MISSING = object()
"""Stands for "no JSON here" (None is a JSON value)."""

_EDGES = " \t\r\n\"'`“”‘’«»"
_CLOSING = ".!,;:。！"
_MAX_JSON = 1_000_000
_FENCE = re.compile(r"```[a-zA-Z0-9_-]*[ \t]*\r?\n?(.*?)```", re.DOTALL)


def normalised(text: str) -> str:
    """NFKC, case folded, runs of blanks made one, outer quotes and closing punctuation off."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    joined = " ".join(folded.split())
    return joined.strip(_EDGES).rstrip(_CLOSING).strip(_EDGES) or joined


def holds(text: str, part: str) -> bool:
    """Whether `part` stands in `text` as whole words (both already normalised)."""
    if not part:
        return False
    left = r"(?<!\w)" if part[0].isalnum() or part[0] == "_" else ""
    right = r"(?!\w)" if part[-1].isalnum() or part[-1] == "_" else ""
    return re.search(left + re.escape(part) + right, text) is not None


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
