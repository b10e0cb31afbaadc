"""Is an answer in the form that was asked for? Rules as data, and the form a file's own answers have. No torch.

Model output is hostile: nothing here raises on any text, and nothing takes time beyond about its length.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.evaluation.metrics.reading import MISSING, normalised, strict_json

Rule = Mapping[str, Any]
_MOST_LABELS = 100
_SHARE = 0.9
"""Answers of a file have a form from this share on."""


def _json_object(text: str, rule: Rule) -> bool:
    found = strict_json(text)
    return isinstance(found, dict) and all(key in found for key in rule.get("keys", ()))


def _json_array(text: str, rule: Rule) -> bool:
    found = strict_json(text)
    return isinstance(found, list) and ("length" not in rule or len(found) == rule["length"])


def _choice(text: str, rule: Rule) -> bool:
    return normalised(text) in {normalised(str(option)) for option in rule["options"]}


def _words(text: str, rule: Rule) -> bool:
    return 1 <= len(text.split()) <= int(rule["most"])


def _sentences(text: str, rule: Rule) -> bool:
    found = [part for part in re.split(r"(?<=[.!?])\s+|\n+", text.strip()) if part.strip()]
    return 1 <= len(found) <= int(rule["most"])


def _bullets(text: str, rule: Rule) -> bool:
    lines = _lines(text)
    return len(lines) == int(rule["count"]) and all(re.match(r"[-–•*] ?\S", line) for line in lines)


def _numbered(text: str, rule: Rule) -> bool:
    numbers = [int(found[1]) for line in _lines(text) if (found := re.match(r"(\d{1,3})[.)] ?\S", line))]
    in_order = numbers == list(range(1, len(numbers) + 1))
    enough = len(numbers) == rule["count"] if "count" in rule else len(numbers) >= int(rule.get("least", 1))
    return in_order and enough


def _contains(text: str, rule: Rule) -> bool:
    said = text.casefold()
    return all(str(word).casefold() in said for word in rule["words"])


def _starts(text: str, rule: Rule) -> bool:
    return text.strip().casefold().startswith(str(rule["text"]).casefold())


def _capitals(text: str, rule: Rule) -> bool:
    return any(sign.isalpha() for sign in text) and text == text.upper()


def _number(text: str, rule: Rule) -> bool:
    return re.fullmatch(r"[-+]?\d{1,12}(?:[.,]\d{1,12})?\.?", text.strip()) is not None


_RULES: dict[str, Callable[[str, Rule], bool]] = {
    "json_object": _json_object,
    "json_array": _json_array,
    "choice": _choice,
    "words": _words,
    "sentences": _sentences,
    "bullets": _bullets,
    "numbered": _numbered,
    "contains": _contains,
    "starts": _starts,
    "capitals": _capitals,
    "number": _number,
}
KINDS = frozenset(_RULES)
SHORT = frozenset({"choice", "words", "number"})
"""Forms that a long answer is not in."""


def follows(text: str, rule: Rule) -> bool:
    """Whether the whole answer is in the rule's form. Raises KeyError for a kind that is not in the table."""
    return _RULES[rule["kind"]](text, rule)


def own_format(answers: Sequence[str]) -> dict[str, Any] | None:
    """The form that at least nine in ten of a file's answers share: a JSON object with its common keys, a JSON array,
    or one of a few labels. None when they have none (free text)."""
    if not answers:
        return None
    parsed = [strict_json(answer) for answer in answers]
    objects = [value for value in parsed if isinstance(value, dict)]
    if len(objects) >= _SHARE * len(answers):
        keys = Counter(key for value in objects for key in value)
        return {"kind": "json_object", "keys": [key for key, n in keys.items() if n >= _SHARE * len(objects)]}
    if sum(isinstance(value, list) for value in parsed) >= _SHARE * len(answers):
        return {"kind": "json_array"}
    if any(value is not MISSING for value in parsed):
        return None
    labels = dict.fromkeys(answers)
    if len(labels) <= min(_MOST_LABELS, len(answers) // 2) and all(len(label.split()) <= 8 for label in labels):
        return {"kind": "choice", "options": list(labels)}
    return None


def words(rule: Rule) -> str:
    """The rule as a person reads it."""
    if rule["kind"] == "json_object":
        keys = ", ".join(str(key)[:40] for key in list(rule.get("keys", ()))[:8])
        return f"one JSON object with {keys}" if keys else "one JSON object"
    if rule["kind"] == "choice":
        return f"one of {len(rule['options'])} labels"
    return {"json_array": "one JSON array"}.get(rule["kind"], str(rule["kind"]))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
