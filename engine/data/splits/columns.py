"""The values of one column of a file: as times, or as keys by which rows are told apart."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from engine.data.mapping import MISSING, value_at
from engine.data.mask import mask_text
from engine.data.records import Problem, Record

MOST_NAMES = 2000
NAME_SHOWN = 80
# Seconds since 1970 from 1973 to 5138; the same stretch in ms, µs and ns. Smaller numbers are ids, years, counts.
_EPOCH = ((1e8, 1e11, 1.0), (1e11, 1e14, 1e3), (1e14, 1e17, 1e6), (1e17, 1e20, 1e9))
# A column is offered as a time when this share of its values can be read as one.
TIMELY = 0.8
LOOKED_AT = 200


@dataclass
class Values:
    """``keys`` by row number (0: no value); ``names`` of the first 2,000 keys, masked; ``rows`` that have a value."""

    keys: NDArray[np.uint64]
    names: dict[int, str] = field(default_factory=dict)
    rows: int = 0


def values(records: Iterable[Record | Problem], column: str, size: int) -> Values:
    """What each row holds in ``column`` (``a.b``: inside an object). Null and an empty text are no value."""
    found = Values(np.zeros(size, np.uint64))
    for record in records:
        if isinstance(record, Problem):
            continue
        value = value_at(record.row, column)
        if value is MISSING or value is None or value == "":
            continue
        raw = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        key = int.from_bytes(hashlib.sha256(raw).digest()[:8], "big") | 1
        found.keys[record.number] = key
        found.rows += 1
        if key not in found.names and len(found.names) < MOST_NAMES:
            found.names[key] = mask_text(value if type(value) is str else raw.decode()[:400])[:NAME_SHOWN]
    return found


def times(records: Iterable[Record | Problem], column: str, size: int) -> NDArray[np.float64]:
    """Seconds since 1970 by row number; not a number where no time can be read."""
    found = np.full(size, np.nan)
    for record in records:
        if not isinstance(record, Problem):
            found[record.number] = time_of(value_at(record.row, column))
    return found


def time_of(value: Any) -> float:
    """Seconds since 1970 of an ISO 8601 text (UTC unless it says otherwise) or of seconds, ms, µs or ns since then as a
    number or as its digits; not a number for anything else."""
    if type(value) is str:
        text = value.strip()[:64]
        try:
            return _seconds(float(text)) if text[:1].isdigit() and _is_number(text) else _iso(text)
        except (ValueError, OverflowError):
            return math.nan
    return _seconds(float(value)) if type(value) in (int, float) else math.nan


def _is_number(text: str) -> bool:
    # 20240131 is a day in the basic form of ISO 8601, and would be a moment of 1970 as seconds.
    return text.replace(".", "", 1).isdigit() and len(text.partition(".")[0]) > 8


def _iso(text: str) -> float:
    moment = datetime.fromisoformat(text)
    # What programs write for "never" (0001-01-01 and 9999-12-31, in their own zone) is outside the years of UTC.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).timestamp()


def _seconds(number: float) -> float:
    return next((number / unit for least, most, unit in _EPOCH if least <= number < most), math.nan)


def as_iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(math.floor(seconds), UTC)
    return moment.replace(tzinfo=None).isoformat() + "Z"  # strftime writes the year 1 without its zeros


def time_columns(records: Iterator[Record | Problem], columns: list[str]) -> list[str]:
    """Those of ``columns`` that hold times, by the first rows."""
    rows = [record.row for record in islice(records, LOOKED_AT) if not isinstance(record, Problem)]
    found = []
    for column in columns:
        held = [value for row in rows if (value := value_at(row, column)) is not MISSING and value is not None]
        if held and sum(not math.isnan(time_of(value)) for value in held) >= TIMELY * len(held):
            found.append(column)
    return found
