"""The rows a teacher is shown: chosen by a seed, cut to the columns that say something, personal data replaced."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from engine.data.again import read_at
from engine.data.browse import open_audit
from engine.data.errors import DataError, RowProblem
from engine.data.example import Example
from engine.data.formats import detect, to_example
from engine.data.index import open_index, places
from engine.data.records import Record
from engine.data.repairs.redact import KINDS, find, redact
from engine.data.seen import content

MOST = 2000
ALL_KINDS = frozenset(KINDS)


class Seed(msgspec.Struct, frozen=True):
    """``row`` has only the columns its format reads."""

    number: int
    line: int
    row: dict[str, Any]
    format: str
    example: Example


def choose(file: Path, audit_dir: Path, wanted: dict[str, Any], *, answering: bool = False) -> list[Seed]:
    """The seeds that ``wanted`` names: {"numbers": […]} or {"sample": n, "seed": s, "finding": code or ""}.

    Rows of the version's commonest shape only, in the order of the file; with ``answering``, only rows that have one
    answer after a prompt. Raises DataError when none is left.
    """
    document = open_audit(file, audit_dir).document
    formats: list[dict[str, Any]] = document.get("formats") or []
    if not formats:
        raise DataError("This version has no usable row to start from.", "Choose another version.")
    shape = str(max(formats, key=lambda entry: int(entry["count"]))["name"])
    numbers = _numbers(audit_dir, wanted, shape)
    seeds = [seed for seed in _read(file, audit_dir, document["container"], numbers) if seed.format == shape]
    if answering:
        seeds = [seed for seed in seeds if has_one_answer(seed.example)]
    if not seeds:
        raise DataError(
            f"None of the chosen rows is a usable row of the shape {shape}"
            + (" with a prompt and one answer." if answering else "."),
            "Choose other seed rows.",
        )
    return seeds


def has_one_answer(example: Example) -> bool:
    """Whether a teacher can answer this row's prompt: turns, the last by the assistant, nothing to compare or rate."""
    plain = example.rejected is None and example.label is None and not example.choices and not example.tools
    return plain and len(example.messages) > 1 and example.answer_index == len(example.messages) - 1


def _numbers(audit_dir: Path, wanted: dict[str, Any], shape: str) -> list[int]:
    if wanted.get("numbers"):
        return sorted({int(number) for number in wanted["numbers"]})[:MOST]
    connection = open_index(audit_dir / "index.sqlite")
    try:
        select, values = "select number from row where usable and format = ?", [shape]
        if wanted.get("finding"):
            select += " and number in (select number from finding_row where code = ?)"
            values.append(str(wanted["finding"]))
        found = [number for (number,) in connection.execute(select + " order by number", values)]
    finally:
        connection.close()
    count = min(MOST, max(1, int(wanted.get("sample") or 20)))
    if len(found) > count:
        found = sorted(random.Random(int(wanted.get("seed") or 0)).sample(found, count))
    return found


def _read(file: Path, audit_dir: Path, container: str, numbers: list[int]) -> Iterator[Seed]:
    connection = open_index(audit_dir / "index.sqlite")
    try:
        with file.open("rb") as stream:
            for place in places(connection, numbers):
                record = read_at(stream, container, place)
                if isinstance(record, Record):
                    seed = _seed(record)
                    if seed is not None:
                        yield seed
    finally:
        connection.close()


def _seed(record: Record) -> Seed | None:
    try:
        name = detect(record.row)
        row = essential(record.row, name)
        return Seed(record.number, record.line, row, name, to_example(row, name))
    except RowProblem:
        return None


def essential(row: dict[str, Any], format_name: str) -> dict[str, Any]:
    """The row without columns that its format does not read: ids, dates, sources. A teacher would invent them anew."""
    kept = dict(row)
    whole = content(to_example(row, format_name))
    for column in row:
        less = {name: value for name, value in kept.items() if name != column}
        try:
            if less and detect(less) == format_name and content(to_example(less, format_name)) == whole:
                kept = less
        except RowProblem:
            continue
    return kept


def redacted(seed: Seed) -> Seed:
    """The seed with placeholders such as [EMAIL] for personal data and secrets."""
    row = redact(seed.row, ALL_KINDS)
    return seed if row is seed.row else msgspec.structs.replace(seed, row=row, example=to_example(row, seed.format))


def personal(seeds: list[Seed]) -> dict[str, int]:
    """Kind → how many such values the seeds hold: email, phone, secret, … Kinds that do not occur are left out."""
    counts: Counter[str] = Counter()
    for seed in seeds:
        for kind, _ in find("\n".join(content(seed.example)), ALL_KINDS):
            counts[kind.partition(":")[0]] += 1
    return dict(counts.most_common())
