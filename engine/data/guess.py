"""Which shape rows of unknown columns may have, and which column stands for which; why rows are read as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.data.errors import RowProblem
from engine.data.formats import detect, to_example
from engine.data.mapping import MISSING, NEEDS, value_at

# column of a shape → names under which files keep it, the likeliest first
KNOWN_AS: dict[str, tuple[str, ...]] = {
    "prompt": ("prompt", "question", "query", "instruction", "input", "user", "request", "problem", "frage", "source"),
    "completion": (
        *("completion", "response", "answer", "output", "assistant", "reply", "solution", "expected", "reference"),
        *("antwort", "target", "canonical_solution"),
    ),
    "instruction": ("instruction", "instructions", "task", "command"),
    "output": ("output", "response", "answer", "completion", "result"),
    "input": ("input", "context"),
    "text": ("text", "content", "body", "sentence", "utterance", "document", "comment", "review", "passage", "message"),
    "label": ("label", "category", "intent", "class", "tag", "sentiment", "topic", "rating", "thumb", "score"),
    "chosen": ("chosen", "accepted", "preferred", "better", "winner", "good"),
    "rejected": ("rejected", "refused", "worse", "loser", "bad"),
    "query": ("query", "question", "prompt", "stem", "goal"),
    "choices": ("choices", "options", "answers", "endings"),
    "gold": ("gold", "answer_index", "correct", "label"),
    "system": ("system", "system_prompt"),
    "messages": ("messages", "conversation", "dialog", "dialogue", "chat", "turns", "history"),
    "conversations": ("conversations", "conversation", "dialog", "dialogue"),
    "tools": ("tools", "functions"),
    "userInput": ("userInput",),
    "labels": ("labels", "annotations", "votes", "ratings", "slots", "entities"),
    "context": ("context", "passage", "prefix", "premise"),
    "continuation": ("continuation", "ending", "target", "completion", "answer"),
    **{
        f"annotator_{n}": tuple(
            f"{name}{n}" for name in ("annotator_", "annotator", "label_", "label", "rater_", "rater")
        )
        for n in range(1, 6)
    },
}
# A row of a class can be read as a question and its answer: only when somebody asks for that.
AS_A_PAIR = {"prompt": KNOWN_AS["text"], "completion": KNOWN_AS["label"]}
# Asked in this order; the others only when somebody chooses them.
LIKELY = ("preference", "messages", "sharegpt", "evaluation", "prompt_completion", "alpaca", "classification", "text")
_OBJECTS = {"messages": ("role", "content"), "conversations": ("from", "value")}


def guess_columns(
    format_name: str, columns: list[str], rows: list[dict[str, Any]], asked: bool = False
) -> dict[str, str]:
    """Column of the shape → the column of the file that likely stands for it, by its name; none is used twice. Columns
    that hold turns are told by what they hold. ``asked``: somebody chose the shape, so less likely names count too."""
    needed, optional = NEEDS[format_name]
    found: dict[str, str] = {}
    for wanted in (*needed, *optional):
        free = [column for column in columns if column not in found.values()]
        if wanted in _OBJECTS:
            source = next((column for column in free if _holds(rows, column, _OBJECTS[wanted])), "")
        else:
            source = _by_name(wanted, free)
            if not source and asked and wanted in AS_A_PAIR:
                source = _by_name("", free, AS_A_PAIR[wanted])
        if source:
            found[wanted] = source
    return found


def guess_format(columns: list[str], rows: list[dict[str, Any]]) -> str:
    """The first likely shape all of whose needed columns are there by name; a question and its answer otherwise."""
    for name in LIKELY:
        if set(NEEDS[name][0]) <= set(guess_columns(name, columns, rows)):
            return name
    return "prompt_completion"


def reasons(rows: Iterable[dict[str, Any]]) -> list[tuple[str, int, list[str]]]:
    """(format or "", rows, the columns without which they would be read otherwise), the commonest first. Only shapes
    are looked at, not whether a row can be used."""
    counts: dict[str, int] = {}
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = _shape(row)
        counts[name] = counts.get(name, 0) + 1
        first.setdefault(name, row)
    ordered = sorted(counts, key=lambda name: -counts[name])
    return [(name, counts[name], _deciding(first[name], name) if name else []) for name in ordered]


def first_problem(rows: Iterable[dict[str, Any]]) -> RowProblem | None:
    """What is said about the first row of no known shape, or of one that a column leaves open."""
    for row in rows:
        try:
            to_example(row, detect(row))
        except RowProblem as problem:
            if problem.code == "unknown_shape":
                return problem
    return None


def _shape(row: dict[str, Any]) -> str:
    try:
        return detect(row)
    except RowProblem:
        return ""


def _deciding(row: dict[str, Any], name: str) -> list[str]:
    return [
        column
        for column in list(row)[:50]
        if _shape({other: value for other, value in row.items() if other != column}) != name
    ]


def _by_name(wanted: str, columns: list[str], names: tuple[str, ...] = ()) -> str:
    """The column itself first, then names it is known by, then those inside objects."""
    plain = {column.casefold(): column for column in reversed(columns)}
    inner = {column.rpartition(".")[2].casefold(): column for column in reversed(columns) if "." in column}
    names = names or KNOWN_AS.get(wanted, (wanted,))
    for known in (plain, inner):
        for name in (wanted.casefold(), *names):
            if name in known:
                return known[name]
    return ""


def _holds(rows: list[dict[str, Any]], column: str, keys: tuple[str, ...]) -> bool:
    """Whether the column is a list of objects with these keys, in the first row that has it."""
    for row in rows:
        value = value_at(row, column)
        if value is not MISSING and value:
            return type(value) is list and type(value[0]) is dict and all(key in value[0] for key in keys)
    return False
