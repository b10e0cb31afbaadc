"""Field accuracy: the leaves of the reference's JSON found with their value, over all leaves of either side.

Format is judged by json_valid; here the answer is read leniently, so that the two do not count one fault
twice.
"""

from __future__ import annotations

from typing import Any

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.reading import MISSING, canonical, lenient_json, strict_json


def score(outcome: Outcome) -> float | None:
    wanted = strict_json(outcome.reference)
    if wanted is MISSING:
        return None
    found = lenient_json(outcome.text)
    if found is MISSING:
        return 0.0
    try:
        want, have = leaves(wanted), leaves(found)
    except RecursionError:
        return 0.0
    every = want.keys() | have.keys()
    right = sum(path in have and have[path] == value for path, value in want.items())
    return right / len(every) if every else 1.0


def leaves(value: Any, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], str]:
    """path -> canonical value of every scalar and every empty object or array."""
    if isinstance(value, dict) and value:
        items = [(("key", key), item) for key, item in value.items()]
    elif isinstance(value, list) and value:
        items = [(("at", index), item) for index, item in enumerate(value)]
    else:
        return {path: canonical(value)}
    found: dict[tuple[Any, ...], str] = {}
    for step, item in items:
        found.update(leaves(item, (*path, step)))
    return found
