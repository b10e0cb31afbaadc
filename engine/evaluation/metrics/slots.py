"""Slots: (field, value) pairs of an answer against the reference's, counted over all rows; shared by three metrics.

The micro-averaged figures of slot filling (as conlleval counts chunks). A field's path is its name; the elements of a
list are values of the list's field. Text is compared normalised, all else by value. null and "" are no values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.reading import MISSING, canonical, lenient_json, normalised, strict_json

MOST_SLOTS = 50
Pairs = Counter[tuple[str, str]]


def encode(outcomes: Sequence[Outcome]) -> NDArray[np.int64]:
    """(n, 3): values right, given, wanted. A row whose reference is no JSON counts nowhere."""
    rows = []
    for outcome in outcomes:
        given, wanted = pairs_of(outcome)
        rows.append(((given & wanted).total(), given.total(), wanted.total()))
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def ratio(rows: NDArray[np.int64], *, given: bool, wanted: bool) -> float:
    """Precision (given), recall (wanted) or F1 (both); 1.0 where nothing was wanted and nothing given."""
    right, said, there = (int(value) for value in rows.sum(0)) if len(rows) else (0, 0, 0)
    under = given * said + wanted * there
    if not under:
        return float(len(rows) > 0 and said == there)
    return (given + wanted) * right / under


def detail(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Precision, recall and F1 of each field, the most frequent first."""
    right, said, there = Counter[str](), Counter[str](), Counter[str]()
    for outcome in outcomes:
        given, wanted = pairs_of(outcome)
        for counts, pairs in ((right, given & wanted), (said, given), (there, wanted)):
            for (slot, _), n in pairs.items():
                counts[slot] += n
    slots = sorted(there.keys() | said.keys(), key=lambda slot: (-there[slot], slot))
    return {
        "kind": "slots",
        "slots": [
            {
                "slot": slot[:200],
                "precision": right[slot] / said[slot] if said[slot] else 0.0,
                "recall": right[slot] / there[slot] if there[slot] else 0.0,
                "f1": 2 * right[slot] / (said[slot] + there[slot]),
                "n": there[slot],
                "said": said[slot],
            }
            for slot in slots[:MOST_SLOTS]
        ],
        "more": max(0, len(slots) - MOST_SLOTS),
    }


def pairs_of(outcome: Outcome) -> tuple[Pairs, Pairs]:
    """The pairs of the answer and of the reference."""
    wanted = strict_json(outcome.reference)
    if wanted is MISSING:
        return Counter(), Counter()
    found = lenient_json(outcome.text)
    try:
        return Counter() if found is MISSING else Counter(_pairs(found)), Counter(_pairs(wanted))
    except RecursionError:
        return Counter(), Counter()


def _pairs(value: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        items = [(f"{path}.{key}" if path else str(key), item) for key, item in value.items()]
        return [pair for name, item in items for pair in _pairs(item, name)]
    if isinstance(value, list):
        return [pair for item in value for pair in _pairs(item, path)]
    if value is None or value == "":
        return []
    return [(path, "“" + normalised(value) if isinstance(value, str) else canonical(value))]
