"""Keep one row of each set of duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.errors import DataError
from engine.data.repairs.context import NOT_GONE, Context
from engine.data.repairs.fields import EXCEPT, Field, exceptions

TITLE = "Remove duplicates"
ABOUT = "Keeps one row of each set of duplicates and takes the others away."
CODES = ("exact_duplicate", "normalised_duplicate", "near_duplicate")
FIELDS = (
    Field(
        "codes",
        "Duplicates",
        "choices",
        ["exact_duplicate"],
        "Which kinds of duplicates count. Look at near-duplicates before they go: some are meant.",
        (
            ("exact_duplicate", "Exact"),
            ("normalised_duplicate", "Same but for writing"),
            ("near_duplicate", "Near"),
        ),
    ),
    Field(
        "keep",
        "Keep",
        "choice",
        "first",
        "Exact copies are alike; of others the longest often says the most.",
        (("first", "The first"), ("longest", "The longest"), ("reviewed", "The one that was reviewed")),
    ),
    Field("reviewed", "Reviewed rows", "texts", [], "Identities of rows that a person accepted; they are kept first."),
    EXCEPT,
)


def check(operation: dict[str, Any]) -> None:
    if operation.get("keep") == "reviewed" and not operation.get("reviewed"):
        raise DataError("No row of this version was reviewed yet.", "Review some rows, or keep the first or longest.")


def codes(operation: dict[str, Any]) -> tuple[str, ...]:
    return tuple(operation["codes"])


def rows(operation: dict[str, Any], context: Context) -> Iterator[tuple[int, str]]:
    """All but one row of each set, with the first of ``codes`` that the row has. Sets of several kinds that share a
    row are one set; rows that are gone already are in none, and rows in which a kind is fine are in none of it."""
    (last,) = context.index.execute("select coalesce(max(number), 0) from row").fetchone()
    roots = np.arange(last + 1, dtype=np.int64)
    for code in operation["codes"]:
        _join_groups(roots, context, code, exceptions(operation, code))
    keepers = np.zeros(last + 1, dtype=np.int64)  # root → the row that stays
    for number in _best_first(operation, context):
        root = _find(roots, number)
        if not keepers[root]:
            keepers[root] = number
    for code in operation["codes"]:
        fine = exceptions(operation, code)
        select = f"select number from finding_row f where code = ? and {NOT_GONE} order by number"  # noqa: S608
        for (number,) in context.index.execute(select, (code,)):
            if keepers[_find(roots, number)] != number and number not in fine:
                yield number, code


def _join_groups(roots: NDArray[np.int64], context: Context, code: str, fine: frozenset[int]) -> None:
    """Union-find: the rows of a group get one root, but for those that are ``fine``."""
    select = f"select group_id, number from finding_row f where code = ? and {NOT_GONE} order by group_id, number"  # noqa: S608
    group, first = None, 0
    for group_id, number in context.index.execute(select, (code,)):
        if number in fine:
            continue
        if group_id != group:
            group, first = group_id, number
        one, other = _find(roots, first), _find(roots, number)
        roots[max(one, other)] = min(one, other)


def _find(roots: NDArray[np.int64], number: int) -> int:
    while roots[number] != number:
        roots[number] = roots[roots[number]]
        number = int(roots[number])
    return number


def _best_first(operation: dict[str, Any], context: Context) -> Iterator[int]:
    """The rows with one of the codes, the row to keep of each set before the others of it."""
    marks = ",".join("?" * len(operation["codes"]))
    order = "f.number"
    if operation["keep"] == "longest":
        order = "f.characters desc, f.number"
    elif operation["keep"] == "reviewed":
        index = context.index
        index.execute("create temp table if not exists reviewed (row_id blob primary key)")
        index.execute("delete from temp.reviewed")
        known = ((bytes.fromhex(each),) for each in operation["reviewed"] if _is_identity(each))
        index.executemany("insert or ignore into temp.reviewed values (?)", known)
        order = "not exists (select 1 from temp.reviewed r where r.row_id = f.row_id), f.number"
    select = (
        f"select f.number from row f where f.number in (select number from finding_row where code in ({marks})) "  # noqa: S608
        f"and {NOT_GONE} order by {order}"
    )
    return (number for (number,) in context.index.execute(select, operation["codes"]))


def _is_identity(text: str) -> bool:
    return len(text) == 64 and all(digit in "0123456789abcdef" for digit in text)
