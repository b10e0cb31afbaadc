"""Keep one row of each set of duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.data.errors import DataError
from engine.data.pairs import Integers, Pairs, alike_by, leaving, of_one_label, read
from engine.data.repairs.context import NOT_GONE, Context
from engine.data.repairs.fields import EXCEPT, Field, exceptions

TITLE = "Remove duplicates"
ABOUT = "Keeps one row of each set of duplicates and takes the others away."
NEAR = "near_duplicate"
CODES = ("exact_duplicate", "normalised_duplicate", NEAR)
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
    row are one set; rows that are gone already are in none, and rows in which a kind is fine are in none of it. Of
    near-duplicates a row goes only when it is alike to a row that stays, and both have the same label."""
    found: dict[str, Integers] = {}
    pairs: list[Pairs] = []
    for code in operation["codes"]:
        groups, numbers = _flagged(context, code, exceptions(operation, code))
        found[code] = np.unique(numbers)
        pairs.append(_near(context, found[code]) if code == NEAR else _copies(groups, numbers))
    order = np.fromiter(_best_first(operation, context), np.int64)
    order = order[np.isin(order, np.concatenate(list(found.values())))]
    gone = leaving(Pairs.joined(pairs), order)
    for code, numbers in found.items():
        here = np.isin(gone, numbers)
        yield from ((number, code) for number in gone[here].tolist())
        gone = gone[~here]


def _flagged(context: Context, code: str, fine: frozenset[int]) -> tuple[Integers, Integers]:
    """(group, number) of each row left with this finding, but for those that are ``fine``; by group, then number."""
    select = f"select group_id, number from finding_row f where code = ? and {NOT_GONE} order by group_id, number"  # noqa: S608
    flat = np.fromiter((each for row in context.index.execute(select, (code,)) for each in row), np.int64)
    groups, numbers = flat.reshape(-1, 2).T
    left = ~np.isin(numbers, np.fromiter(fine, np.int64, len(fine)))
    return groups[left], numbers[left]


def _copies(groups: Integers, numbers: Integers) -> Pairs:
    """The rows of a group are all alike to its first."""
    firsts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]]) if len(groups) else np.zeros(0, np.int64)
    first = np.repeat(numbers[firsts], np.diff(np.r_[firsts, len(groups)]))
    return Pairs(first, numbers, np.ones(len(numbers), np.float32)).of(first != numbers)


def _near(context: Context, numbers: Integers) -> Pairs:
    """The verified pairs of rows that have one label. Raises DataError for an audit that kept no pairs."""
    known = read(context.index)
    if known is None:
        raise DataError("This audit does not say which row is alike to which.", "Audit the version again.")
    pairs = alike_by(known, numbers)
    if not context.document.get("label_balance"):
        return pairs
    same = of_one_label(context.index, pairs)
    if apart := len(np.unique(np.r_[pairs.ones[~same], pairs.others[~same]])):
        context.notes.append(
            f"Rows that are alike to a row with another label: {apart:,}. They do not go for that: decide such groups "
            "one by one."
        )
    return pairs.of(same)


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
