"""The labels that several people gave to one text: a list, a list of objects, or a column each."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

# label_1, label2, annotator_a, annotator_3_label, rater1; label_text is no annotator.
_COLUMN = re.compile(r"(?:label|annotator|annotation|rater|coder)_?(\d{1,3}|[a-h])(?:_label)?", re.IGNORECASE)
_WHO = ("annotator", "annotator_id", "worker", "worker_id", "rater", "user")
_GIVEN = ("label", "value", "category", "rating")

Annotations = tuple[tuple[str, str], ...]


def columns(row: dict[str, Any]) -> list[str]:
    """Columns that hold one person's label each; none unless there are two."""
    found = [name for name in row if _COLUMN.fullmatch(name)]
    return found if len(found) > 1 else []


def is_annotated(row: dict[str, Any]) -> bool:
    """Whether several people's labels are in the row, whatever they are."""
    return _listed(row) is not None or bool(columns(row))


def opinions(row: dict[str, Any]) -> Annotations:
    """(who, label) of everybody who gave one. In a plain list, who is the place in it."""
    listed = _listed(row)
    if listed is None:
        return tuple((name, _text(row[name])) for name in columns(row) if _is_label(row[name]))
    found = []
    for place, given in enumerate(listed):
        who = str(place + 1)
        if type(given) is dict:
            who = next((str(given[name]) for name in _WHO if type(given.get(name)) in (str, int)), who)
            given = next((given[name] for name in _GIVEN if name in given), None)
        if _is_label(given):
            found.append((who, _text(given)))
    return tuple(found)


def majority(given: Annotations) -> str:
    """The label most gave; of equally many, the one given first. Nothing when nobody gave any."""
    return Counter(label for _, label in given).most_common(1)[0][0] if given else ""


def _listed(row: dict[str, Any]) -> list[Any] | None:
    for name in ("annotations", "labels"):
        value = row.get(name)
        if (
            type(value) is list
            and value
            and all(type(each) is dict or _is_label(each) or each is None for each in value)
        ):
            return value
    return None


def _is_label(value: Any) -> bool:
    return type(value) in (int, bool) or (type(value) is str and value.strip() != "")


def _text(value: Any) -> str:
    return str(value).strip()
