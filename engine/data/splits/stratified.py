"""Every part with the classes' own shares: by the rows' label, or by the values of a column."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from engine.data.errors import DataError
from engine.data.splits import Places
from engine.data.splits.columns import values
from engine.data.splits.rows import Ask, Integers, Rows, deal

TITLE = "Stratified"
ABOUT = "Chance decides, and each part has the same share of every class."
COLUMN: Literal["needed", "optional", "none"] = "optional"
FILE = False
MOST_CLASSES = 1000


def place(rows: Rows, ask: Ask) -> tuple[Places, dict[str, Any]]:
    """By ``ask.column``, else by the label; chance alone where rows have neither. Raises DataError for a column with
    so many values that no part could have them all."""
    if not ask.column:
        by = "label" if len(rows.label_names) > 1 else None
        return deal(rows, ask.sizes, rows.labels), {"stratified_by": by}
    classes, names = column_classes(rows, ask)
    told = {"stratified_by": ask.column, "classes": classes, "class_names": names}
    return deal(rows, ask.sizes, classes), told


def column_classes(rows: Rows, ask: Ask) -> tuple[Integers, list[str]]:
    """A class for each row number by the value of the column; rows without a value are a class of their own."""
    found = values(ask.records(), ask.column, len(rows.roots))
    distinct, places = np.unique(found.keys[rows.numbers], return_inverse=True)
    if len(distinct) > MOST_CLASSES:
        text = f"The column {ask.column[:60]!r} has {len(distinct):,} values, too many to give each part its share."
        raise DataError(text, f"Choose a column with {MOST_CLASSES:,} values at most, or split by group.")
    if not found.rows:
        raise DataError(f"No row has a value in the column {ask.column[:60]!r}.", "Choose another column.")
    names = ["(no value)" if key == 0 else found.names.get(key, "…") for key in distinct.tolist()]
    classes = np.zeros(len(rows.roots), np.int64)
    classes[rows.numbers] = places
    return classes, names
