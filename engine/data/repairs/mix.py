"""Task rows mixed with general rows, so that the model does not forget what it could do (replay)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from engine.data.errors import DataError
from engine.data.repairs.context import Context, Item
from engine.data.repairs.fields import Field
from engine.data.replay import SOURCE, Rows, draw

TITLE = "Mix with general rows"
ABOUT = "Adds rows of another file at a ratio, says of each row where it comes from, and shuffles all of them."
SHUFFLES = True
FIELDS = (
    Field("other", "Rows to mix in", "file", None, "A file of general rows, in any known shape.", needed=True),
    Field(
        "ratio",
        "Share of this version's rows",
        "share",
        0.7,
        "70 % task rows and 30 % general rows keep most of what the model could do before.",
    ),
    Field("seed", "Seed", "whole", 42, "The same seed takes the same rows and gives the same order."),
    Field("name", "Name of this version's rows", "text", "task", "Written into 'source' of rows that have none yet."),
    Field("other_name", "Name of the other rows", "text", "replay", "Written into 'source' of the rows mixed in."),
)


def check(operation: dict[str, Any]) -> None:
    for name in ("name", "other_name"):
        if not operation.get(name, "x").strip():
            raise DataError(f"Mix: {name!r} is empty.", "Give the rows a name, so that they can be told apart.")


def change(operation: dict[str, Any], context: Context) -> Callable[[Item], list[dict[str, Any]]]:
    def named(item: Item) -> list[dict[str, Any]]:
        return [item.row if SOURCE in item.row else item.row | {SOURCE: operation["name"]}]

    return named


def wanted(operation: dict[str, Any], context: Context) -> int:
    ratio = operation["ratio"]
    return max(1, round(context.kept * (1 - ratio) / ratio))


def expected(operation: dict[str, Any], context: Context) -> int | None:
    there = Rows(context.file(operation["other"]), context.format).count()
    return None if there is None else min(there, wanted(operation, context))


def added(operation: dict[str, Any], context: Context) -> Iterator[tuple[dict[str, Any], str]]:
    """Raises DataError when no row of the other file can be written in this version's format."""
    rows = Rows(context.file(operation["other"]), context.format)
    count, name = wanted(operation, context), operation["other_name"]
    if context.quick:  # the first rows stand for the draw
        chosen = {number for number, _ in islice(rows, min(count, 100))}
    else:
        chosen = draw(rows, count, operation["seed"])
    if not chosen:
        raise rows.refuse_nothing()
    if len(chosen) < count and not context.quick:
        share = context.kept / (context.kept + len(chosen))
        context.notes.append(
            f"The other file has {len(chosen):,} usable rows where the ratio asks for {count:,}: "
            f"this version's rows are {share:.0%} of the mix."
        )
    if not context.quick:
        context.notes += rows.notes()
    yield from ((row | {SOURCE: name}, name) for number, row in rows if number in chosen)
