"""The most valuable repairs: which operation mends which findings, and how many rows it would touch."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.data.repairs import REPAIRS
from engine.data.repairs.redact import KINDS

SHOWN = 3
SEVERITIES = ("blocker", "repair", "notice")
_UNUSABLE = ("malformed_json", "invalid_encoding", "not_an_object", "unknown_shape", "wrong_type", "unknown_role")
_EMPTY = ("empty_prompt", "empty_answer", "no_assistant_turn", "no_supervised_tokens")
_PERSONAL = {code: kind for kind, (_, _, code) in KINDS.items()}

Operation = dict[str, Any]
# (operation, the codes it mends) → rows it would touch
Touched = Callable[[Operation, list[str]], int]


@dataclass(frozen=True, slots=True)
class Mend:
    """``operation`` is given those of ``codes`` that were found. ``review``: a person decides row by row, and nothing
    of it is done unread."""

    title: str
    codes: tuple[str, ...]
    operation: Callable[[list[str]], Operation]
    review: bool = False


def _drop(codes: list[str]) -> Operation:
    return {"op": "drop", "codes": codes}


MENDS = (
    Mend("Drop rows that cannot be used", _UNUSABLE + _EMPTY, _drop),
    Mend("Drop rows of the test file", ("leak_identical", "leak_prompt", "leak_ngram"), _drop),
    Mend(
        "Remove duplicates",
        ("exact_duplicate", "normalised_duplicate"),
        lambda codes: {"op": "dedupe", "codes": codes, "keep": "first"},
    ),
    Mend(
        "Review near-duplicates",
        ("near_duplicate",),
        lambda codes: {"op": "dedupe", "codes": codes, "keep": "first"},
        review=True,
    ),
    Mend(
        "Redact personal data and keys",
        tuple(_PERSONAL),
        lambda codes: {"op": "redact", "kinds": sorted(_PERSONAL[code] for code in codes)},
    ),
    Mend(
        "Clean the text",
        ("mojibake", "zero_width", "bidi_override", "control_characters", "template_in_content"),
        lambda codes: {"op": "normalise"},
    ),
    Mend("Put turns in order", ("role_order", "system_not_first", "ends_with_user"), lambda codes: {"op": "fix_roles"}),
    Mend("Resolve conflicting answers", ("conflicting_answers",), lambda codes: {"op": "resolve", "keep": "majority"}),
    Mend("Drop answers that run in a loop", ("repetition_loop",), _drop),
    Mend("Drop answers of another form", ("mixed_answer_formats",), _drop),
    Mend("Drop answers that repeat the prompt", ("prompt_equals_answer",), _drop),
    Mend("Drop preferences between equal answers", ("chosen_equals_rejected",), _drop),
    Mend("Balance the classes", ("label_imbalance",), lambda codes: {"op": "balance", "how": "up", "target": "median"}),
)


def top_repairs(findings: list[dict[str, Any]], touched: Touched | None) -> list[dict[str, Any]]:
    """``findings`` as in the document. Ordered by severity (blocker, repair, notice), then by rows, most first. Each
    has the severity of the gravest finding it mends. Without ``touched`` rows with two findings count twice."""
    known = {finding["code"]: finding for finding in findings}
    found = []
    for mend in MENDS:
        mended = [known[code] for code in mend.codes if code in known and known[code]["count"]]
        # A few rows that are only alike are no repair.
        if not mended or (mend.review and all(one["severity"] == "notice" for one in mended)):
            continue
        codes = [one["code"] for one in mended]
        operation = mend.operation(codes)
        if operation["op"] not in REPAIRS:
            continue
        gravest = min(mended, key=lambda one: (SEVERITIES.index(one["severity"]), -_rows(one)))
        rows = touched(operation, codes) if touched and not mend.review else sum(map(_rows, mended))
        order = (SEVERITIES.index(gravest["severity"]), -rows)
        told = {"title": mend.title, "codes": codes, "op": operation, "rows": rows, "why": gravest["why"]}
        found.append((order, told | ({"review": True} if mend.review else {})))
    return [repair for _, repair in sorted(found, key=lambda each: each[0])][:SHOWN]


def _rows(finding: dict[str, Any]) -> int:
    return int(finding.get("surplus", finding["count"]))


def touched_by(connection: sqlite3.Connection, fine: dict[str, list[int]] | None = None) -> Touched:
    """Counts in the index of an audit, each row once; of groups, all rows but the first of each. ``fine``: finding code
    → numbers of the rows in which it does not count."""
    connection.execute("create temp table if not exists fine (code text, number integer, primary key (code, number))")
    connection.execute("delete from temp.fine")
    pairs = ((code, number) for code, numbers in (fine or {}).items() for number in numbers)
    connection.executemany("insert or ignore into temp.fine values (?, ?)", pairs)
    here = "finding_row f where f.code in ({})"
    if fine:
        here += " and not exists (select 1 from temp.fine t where t.code = f.code and t.number = f.number)"

    def count(operation: Operation, codes: list[str]) -> int:
        marks = ",".join("?" * len(codes))
        counted = here.format(marks)
        if operation["op"] not in ("dedupe", "resolve"):
            query = f"select count(distinct number) from {counted}"  # noqa: S608 - question marks
            return int(connection.execute(query, codes).fetchone()[0])
        query = (
            f"with here as (select code, group_id, number from {counted}), "  # noqa: S608 - question marks
            "first as (select code, group_id, min(number) as number from here group by code, group_id) "
            "select count(distinct f.number) from here f "
            "join first on f.code = first.code and f.group_id = first.group_id where f.number > first.number"
        )
        return int(connection.execute(query, codes).fetchone()[0])

    return count
