"""All rows with one value of a column on one side: a customer, a document, a conversation that gave several rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from engine.data.errors import DataError
from engine.data.splits import Places
from engine.data.splits.columns import values
from engine.data.splits.rows import Ask, Integers, Rows, deal

TITLE = "By group"
ABOUT = "All rows with the same value in a column stay on one side."
COLUMN: Literal["needed", "optional", "none"] = "needed"
FILE = False


def place(rows: Rows, ask: Ask) -> tuple[Places, dict[str, Any]]:
    """A row without a value stands alone. Groups that share duplicates become one: ``joined`` says how many went into
    another. Raises DataError when no row has a value or all have the same."""
    found = values(ask.records(), ask.column, len(rows.roots))
    keys = found.keys[rows.numbers]
    distinct = np.unique(keys[keys != 0])
    if len(distinct) < 2:
        how_many = "No row has a value" if not len(distinct) else "All rows have the same value"
        raise DataError(f"{how_many} in the column {ask.column[:60]!r}.", "Choose another column.")
    rows.join(_groups(rows.numbers, keys))
    with_value = rows.numbers[keys != 0]
    left = len(np.unique(rows.roots[with_value]))
    told = {"values": len(distinct), "without": int((keys == 0).sum()), "joined": len(distinct) - left}
    return deal(rows, ask.sizes, nearest=True), {"group": told}


def _groups(numbers: Integers, keys: Any) -> Iterator[list[int]]:
    order = np.lexsort((numbers, keys))
    ordered, rows = keys[order], numbers[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(ordered)], strict=True):
        if ordered[start] and end - start > 1:
            yield rows[start:end].tolist()
