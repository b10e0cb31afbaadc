"""Field completeness: the share of the reference's filled fields that the answer fills too, whatever with.

A field is filled unless it is null, "", {} or []; fields are known by their path, elements of a list by the list.
"""

from __future__ import annotations

from typing import Any

from engine.evaluation.metrics.kinds import Outcome
from engine.evaluation.metrics.reading import MISSING, lenient_json, strict_json

Path = tuple[Any, ...]


def score(outcome: Outcome) -> float | None:
    wanted = strict_json(outcome.reference)
    if wanted is MISSING:
        return None
    found = lenient_json(outcome.text)
    try:
        fields, have = filled(wanted), set() if found is MISSING else filled(found)
    except RecursionError:
        return 0.0
    return len(fields & have) / len(fields) if fields else float(found is not MISSING)


def filled(value: Any, path: Path = ()) -> set[Path]:
    """The paths of the fields that hold something."""
    if isinstance(value, dict):
        inner = [filled(item, (*path, key)) for key, item in value.items()]
    elif isinstance(value, list):
        inner = [filled(item, (*path, None)) for item in value]
    else:
        return set() if value is None or value == "" else {path}
    return set().union(*inner) if inner else set()
