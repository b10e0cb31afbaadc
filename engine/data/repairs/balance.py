"""Classes brought nearer to one size, by leaving rows out or by copying them."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator
from statistics import median_low
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.errors import DataError
from engine.data.repairs.context import NOT_GONE, Context, Item
from engine.data.repairs.fields import Field

TITLE = "Balance classes"
ABOUT = "Leaves rows of large classes out, or copies rows of small ones."
CODE = "balance"
RESIZES = True
FIELDS = (
    Field(
        "how",
        "How",
        "choice",
        "down",
        "Leaving out loses rows; copies make the model learn the few rows of a small class by heart.",
        (("down", "Leave out rows of large classes"), ("up", "Copy rows of small classes")),
    ),
    Field(
        "target",
        "Rows of each class",
        "choice_or_whole",
        None,
        "Without it, the smallest class when rows are left out and the largest when they are copied.",
        (("smallest", "As the smallest"), ("median", "As the median"), ("largest", "As the largest")),
        least=1,
    ),
    Field("weights", "Weights", "object", {}, "For a class how many times the target it shall have; 1 for the others."),
    Field("seed", "Seed", "whole", 42, "The same seed takes the same rows."),
)


def check(operation: dict[str, Any]) -> None:
    for label, weight in operation.get("weights", {}).items():
        if type(weight) not in (int, float) or not 0 < weight <= 100:
            raise DataError(f"The weight of {label[:40]!r} is not a number from 0 to 100.", "Correct the weight.")


def rows(operation: dict[str, Any], context: Context) -> Iterator[tuple[int, str]]:
    """The surplus of large classes, chosen by the seed and the row's identity: its place in the file plays no part."""
    sizes = _sizes(context)
    if operation["how"] == "up":
        return
    for label, wanted in _wanted(operation, sizes).items():
        if wanted < sizes[label]:
            yield from ((int(number), CODE) for number in np.sort(_drawn(label, operation["seed"], context)[wanted:]))


def where(operation: dict[str, Any], context: Context) -> Iterator[int]:
    return iter(np.flatnonzero(_copies(operation, context) > 1).tolist())


def change(operation: dict[str, Any], context: Context) -> Callable[[Item], list[dict[str, Any]]]:
    copies = _copies(operation, context)
    if int(copies.max(initial=1)) > 1:
        context.notes.append(
            "The next audit reports the copies as exact duplicates. They are meant; splits keep them on one side."
        )
    return lambda item: [item.row] * int(copies[item.number])


def _copies(operation: dict[str, Any], context: Context) -> NDArray[np.uint32]:
    """For each row number how often the row shall be there."""
    (last,) = context.index.execute("select coalesce(max(number), 0) from row").fetchone()
    copies = np.ones(last + 1, dtype=np.uint32)
    if operation["how"] == "up":
        sizes = _sizes(context)
        for label, wanted in _wanted(operation, sizes).items():
            if wanted > sizes[label]:
                drawn = _drawn(label, operation["seed"], context)
                copies[drawn] = wanted // sizes[label]
                copies[drawn[: wanted % sizes[label]]] += 1
    return copies


def _sizes(context: Context) -> dict[str, int]:
    """Rows of each class that are left. Raises DataError when the audit found no classes."""
    if not context.document.get("label_balance"):
        raise DataError("The rows of this version have no classes.", "Balance works on labels and short answers.")
    select = f"select label, count(*) from row f where label is not null and {NOT_GONE} group by label"  # noqa: S608
    return dict(context.index.execute(select).fetchall())


def _wanted(operation: dict[str, Any], sizes: dict[str, int]) -> dict[str, int]:
    if not sizes:
        return {}
    weights = operation["weights"]
    if unknown := [label for label in weights if label not in sizes]:
        raise DataError(f"There is no class {unknown[0][:40]!r}.", "Correct the weights.")
    target = operation["target"] or ("smallest" if operation["how"] == "down" else "largest")
    if type(target) is not int:
        counts = list(sizes.values())
        target = median_low(counts) if target == "median" else min(counts) if target == "smallest" else max(counts)
    return {label: max(1, round(target * weights.get(label, 1))) for label in sizes}


def _drawn(label: str, seed: int, context: Context) -> NDArray[np.int64]:
    """The numbers of a class in the order of the draw."""
    select = f"select number, row_id from row f where label = ? and {NOT_GONE} order by number"  # noqa: S608
    numbers, keys = array("q"), array("Q")  # eight bytes a row
    salt = str(seed).encode()
    for number, identity in context.index.execute(select, (label,)):
        numbers.append(number)
        keys.append(int.from_bytes(hashlib.blake2b(identity, key=salt, digest_size=8).digest(), "big"))
    order = np.argsort(np.array(keys, dtype=np.uint64), kind="stable")
    return np.array(numbers, dtype=np.int64)[order]
