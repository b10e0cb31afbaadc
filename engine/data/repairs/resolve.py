"""One answer for prompts that are answered in several ways."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from engine.data.errors import DataError, RowProblem
from engine.data.formats import detect, to_example
from engine.data.normalise import precise
from engine.data.repairs.context import NOT_GONE, Context
from engine.data.repairs.fields import EXCEPT, Field, exceptions
from engine.data.seen import content

TITLE = "Resolve conflicting answers"
ABOUT = "Keeps, of rows that ask the same, those with one answer, and takes the others away."
CODE = "conflicting_answers"
FIELDS = (
    Field(
        "keep",
        "Keep",
        "choice",
        "majority",
        "Which answer is kept where you did not choose one. Of answers given equally often, the first.",
        (
            ("majority", "The answer given most often"),
            ("first", "The first answer"),
            ("longest", "The longest answer"),
            ("none", "None: take the whole group away"),
            (None, "Only what I chose"),
        ),
    ),
    Field("choices", "Chosen answers", "object", {}, "For a group the number of the row whose answer is right."),
    EXCEPT,
)

Answers = list[tuple[int, bytes, int]]  # number, digest of the answer without its writing, characters


def check(operation: dict[str, Any]) -> None:
    choices = operation.get("choices", {})
    if not all(group.isdecimal() and type(number) is int for group, number in choices.items()):
        raise DataError("A choice does not name a group and a row.", "Choose the answers again.")
    if operation.get("keep", "majority") is None and not choices:
        raise DataError("Resolve: no answer is chosen.", "Choose an answer, or how to choose one.")


def codes(operation: dict[str, Any]) -> tuple[str, ...]:
    return (CODE,)


def rows(operation: dict[str, Any], context: Context) -> Iterator[tuple[int, str]]:
    """Raises DataError for a choice that names a row outside its group."""
    choices = {int(group): number for group, number in operation["choices"].items()}
    undecided = 0
    for group, numbers in _groups(context, exceptions(operation, CODE)):
        chosen = choices.pop(group, None)
        if chosen is None and operation["keep"] is None:
            continue
        answers = _answers(numbers, context)
        if chosen is not None:
            kept = next((answer for number, answer, _ in answers if number == chosen), None)
            if kept is None:
                raise DataError(f"Row {chosen} is not in group {group}.", "Choose the answers again.")
        else:
            kept = _kept(answers, operation["keep"])
            undecided += operation["keep"] == "majority" and _is_even(answers)
        yield from ((number, CODE) for number, answer, _ in answers if answer != kept)
    if choices:
        raise DataError(f"There is no group {next(iter(choices))} in this audit.", "Choose the answers again.")
    if undecided:
        context.notes.append(f"Prompts without an answer given most often, whose first answer was kept: {undecided:,}.")


def _groups(context: Context, fine: frozenset[int]) -> Iterator[tuple[int, list[int]]]:
    select = f"select group_id, number from finding_row f where code = ? and {NOT_GONE} order by group_id, number"  # noqa: S608
    held: list[int] = []
    present = None
    for group, number in context.index.execute(select, (CODE,)):
        if number in fine:
            continue
        if group != present and held:
            yield present or 0, held
            held = []
        present = group
        held.append(number)
    if held:
        yield present or 0, held


def _answers(numbers: list[int], context: Context) -> Answers:
    found: Answers = []
    for record in context.records(numbers):
        try:
            _, answer, _ = content(to_example(record.row, detect(record.row)))
        except RowProblem:  # the index says that it can be used
            continue
        digest = hashlib.blake2b(precise(answer).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        found.append((record.number, digest, len(answer)))
    return found


def _kept(answers: Answers, keep: str) -> bytes | None:
    if keep == "none" and len({answer for _, answer, _ in answers}) > 1:
        return None
    if keep == "majority":
        return Counter(answer for _, answer, _ in answers).most_common(1)[0][0]
    if keep == "longest":
        return max(answers, key=lambda each: each[2])[1]
    return answers[0][1]


def _is_even(answers: Answers) -> bool:
    counts = [count for _, count in Counter(answer for _, answer, _ in answers).most_common(2)]
    return len(counts) > 1 and counts[0] == counts[1]
