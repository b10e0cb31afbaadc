"""A hand-made file is the test part; rows that leaked from it into the others are named and left out."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson

from engine.data.errors import DataError
from engine.data.splits import Places
from engine.data.splits.leaks import CANNOT_SEE, Leak, find_leaks
from engine.data.splits.rows import Ask, Rows, deal, scaled

TITLE = "Hand-made test file"
ABOUT = "Another version is the test part. Rows of this one that stand in it are left out of training."
COLUMN: Literal["needed", "optional", "none"] = "none"
FILE = True
LEAKS_FILE = "leaked.jsonl"
LISTED = 50


def place(rows: Rows, ask: Ask) -> tuple[Places, dict[str, Any]]:
    """Validation rows are drawn as in a stratified split. Rows that belong together with a leaked one go with it (kind
    ``group``). Writes all leaks beside the parts, unless there are none. Raises DataError, FileRefused."""
    if ask.test is None:
        raise DataError("No test file was given.", "Choose the version that is the test part.")
    leaks = {leak.number: leak for leak in find_leaks(ask.test, ask.records())}
    leaks |= _relatives(rows, leaks)
    kinds: dict[str, int] = {}
    for leak in leaks.values():
        kinds[leak.kind] = kinds.get(leak.kind, 0) + 1
    ordered = [leaks[number] for number in sorted(leaks)]
    if ordered:
        _write(ask.out / LEAKS_FILE, ordered)
    stay = rows
    if ask.drop_leaked:
        stay = replace(rows, numbers=rows.numbers[~np.isin(rows.numbers, np.fromiter(leaks, np.int64, len(leaks)))])
    part_of = deal(stay, scaled(ask.sizes, len(stay.numbers)), stay.labels)
    by = "label" if len(rows.label_names) > 1 else None
    listed = [{"line": leak.line, "kind": leak.kind, "note": leak.note} for leak in islice(ordered, LISTED)]
    told = {"leaked": kinds, "dropped": ask.drop_leaked, "listed": listed, "cannot_see": CANNOT_SEE}
    return part_of, {"file": told, "stratified_by": by}


def _relatives(rows: Rows, leaks: dict[int, Leak]) -> dict[int, Leak]:
    """Rows in one group with a leaked row: copies of what the test asks, at one remove."""
    touched: dict[int, Leak] = {}
    for leak in leaks.values():
        touched.setdefault(int(rows.roots[leak.number]), leak)
    if not touched:
        return {}
    members = rows.numbers[np.isin(rows.roots[rows.numbers], np.fromiter(touched, np.int64, len(touched)))]
    return {
        number: Leak(number, number, "group", f"Belongs together with line {touched[int(rows.roots[number])].line:,}.")
        for number in members.tolist()
        if number not in leaks
    }


def _write(path: Path, leaks: list[Leak]) -> None:
    with path.open("wb") as file:
        for leak in leaks:
            file.write(orjson.dumps({"line": leak.line, "kind": leak.kind, "note": leak.note}) + b"\n")
