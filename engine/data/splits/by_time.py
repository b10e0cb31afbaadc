"""The oldest rows train, the newest test: how a model will meet data that did not exist when it was trained."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.data.errors import DataError
from engine.data.splits import PARTS, Places
from engine.data.splits.columns import as_iso, times
from engine.data.splits.rows import Ask, Rows, scaled

TITLE = "By time"
ABOUT = "The oldest rows train, the newest test."
COLUMN: Literal["needed", "optional", "none"] = "needed"
FILE = False


def place(rows: Rows, ask: Ask) -> tuple[Places, dict[str, Any]]:
    """Cuts between two moments, so that rows of one time stay together. Rows that belong together go where the newest
    of them stands (``moved`` counts those that stand elsewhere by their own time): training then holds nothing newer
    than what it is examined on. A row without a readable time is in no part. Raises DataError."""
    found = times(ask.records(), ask.column, len(rows.roots))
    moments = found[rows.numbers]
    known = ~np.isnan(moments)
    if known.sum() < len(moments) / 2:
        text = f"Only {int(known.sum()):,} of {len(moments):,} rows have a readable time in {ask.column[:60]!r}."
        raise DataError(text, "Choose a column with ISO 8601 times or seconds (or ms) since 1970.")
    numbers, moments = rows.numbers[known], moments[known]
    newest = np.full(len(rows.roots), -np.inf)
    np.maximum.at(newest, rows.roots[numbers], moments)
    effective = newest[rows.roots[numbers]]
    sizes = scaled(ask.sizes, len(numbers))
    cuts = _cuts(effective, sizes)
    part_of = rows.nowhere()
    part_of[numbers] = _by_cuts(effective, cuts)
    moved = int((_by_cuts(moments, cuts) != part_of[numbers]).sum())
    told = {"without": int((~known).sum()), "moved": moved, "ranges": _ranges(part_of[numbers], moments)}
    return part_of, {"time": told}


def _cuts(moments: NDArray[np.float64], sizes: tuple[int, int, int]) -> tuple[float, float]:
    """The first moment of validation and that of test: of the borders between two moments, those nearest to the sizes
    asked for. Infinity for a part that is not wanted."""
    ordered = np.sort(moments)
    borders = np.flatnonzero(ordered[1:] > ordered[:-1]) + 1
    wanted = [(name, place) for name, place, size in _wanted(sizes) if size]
    if len(borders) < len(wanted):
        text = f"The rows have only {len(borders) + 1} different time{'s' if len(borders) else ''}."
        raise DataError(text, "Choose a column with finer times, or another way to split.")
    cuts = {"validation": np.inf, "test": np.inf}
    least = 0
    for at, (name, place) in enumerate(wanted):
        # As many borders must be left as there are parts still to cut.
        free = borders[least : len(borders) - (len(wanted) - at - 1)]
        chosen = int(np.argmin(np.abs(free - place)))
        cuts[name] = float(ordered[free[chosen]])
        least += chosen + 1
    return cuts["validation"], cuts["test"]


def _wanted(sizes: tuple[int, int, int]) -> list[tuple[str, int, int]]:
    return [("validation", sizes[0], sizes[1]), ("test", sizes[0] + sizes[1], sizes[2])]


def _by_cuts(moments: NDArray[np.float64], cuts: tuple[float, float]) -> Places:
    part = np.zeros(len(moments), np.uint8)
    part[moments >= cuts[0]] = 1
    part[moments >= cuts[1]] = 2
    return part


def _ranges(parts: Places, moments: NDArray[np.float64]) -> dict[str, list[str]]:
    found = {}
    for number, name in enumerate(PARTS):
        here = moments[parts == number]
        if len(here):
            found[name] = [as_iso(float(here.min())), as_iso(float(here.max()))]
    return found
