"""Marks on rows: tags, reviewed or not, a note. Kept by the row's identity, they follow it into every version."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from datasets_app.models import Audit, Dataset
from datasets_app.review_models import RowMark, RowTag
from engine.data.identities import identities, numbers_of
from engine.data.index import open_index
from engine.data.rowtable import FOLDER, RowTable, Where
from engine.events import plain

MOST_TAGS = 12
TAG_LENGTH = 40
PART = 1000


@dataclass(frozen=True)
class Change:
    """What is to become of marks; None leaves that part as it is."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    reviewed: bool | None = None
    note: str | None = None


def tags_in(text: str) -> tuple[str, ...]:
    """``Refund, needs a  look`` → two tags, in lower case so that one word is one tag; at most twelve."""
    names = (" ".join(part.split()).casefold()[:TAG_LENGTH].strip() for part in plain(text[:2000]).split(","))
    return tuple(dict.fromkeys(name for name in names if name))[:MOST_TAGS]


@transaction.atomic
def change(dataset: Dataset, row_ids: Iterable[str], what: Change, user: User) -> int:
    """Changes the marks of these rows; returns how many rows were meant."""
    ids = list(dict.fromkeys(row_ids))
    for start in range(0, len(ids), PART):
        part = ids[start : start + PART]
        fresh = [RowMark(dataset=dataset, row_id=row_id, by=user) for row_id in part]
        RowMark.objects.bulk_create(fresh, ignore_conflicts=True)
        marks = RowMark.objects.filter(dataset=dataset, row_id__in=part)
        fields: dict[str, Any] = {"by": user, "at": timezone.now()}
        if what.reviewed is not None:
            fields["reviewed"] = what.reviewed
        if what.note is not None:
            fields["note"] = what.note
        marks.update(**fields)
        RowTag.objects.filter(mark__in=marks, tag__in=what.remove).delete()
        tags = [RowTag(mark=mark, tag=tag) for mark in marks for tag in what.add]
        RowTag.objects.bulk_create(tags, ignore_conflicts=True)
        marks.filter(tags=None, reviewed=False, note="").delete()
    return len(ids)


def tags_of(dataset: Dataset) -> list[str]:
    return list(RowTag.objects.filter(mark__dataset=dataset).order_by("tag").values_list("tag", flat=True).distinct())


def reviewed(dataset: Dataset) -> list[str]:
    """Identities of the rows that somebody reviewed, in a fixed order: the same repair twice is one repair."""
    return list(wanted(dataset, "", "yes").order_by("row_id").values_list("row_id", flat=True))


def wanted(dataset: Dataset, tag: str, reviewed: str) -> QuerySet[RowMark]:
    """The marks that a filter of the rows page asks for; ``reviewed`` is "yes" or empty."""
    marks = RowMark.objects.filter(dataset=dataset)
    if tag:
        marks = marks.filter(tags__tag=tag)
    return marks.filter(reviewed=True) if reviewed == "yes" else marks


def numbers(audit: Audit, dataset: Dataset, tag: str, reviewed: str) -> list[int]:
    """The numbers, in this version, of the rows that the filter asks for: by the audit's table of rows, which is read
    in a fraction of the time of its index; an audit of an earlier version of the workbench has the index alone."""
    ids = set(wanted(dataset, tag, reviewed).values_list("row_id", flat=True).iterator())
    with closing(open_index(audit.folder / "index.sqlite")) as connection:
        try:
            candidates = RowTable(audit.folder / FOLDER).alike(ids)
        except OSError:
            return numbers_of(connection, ids)
        return [number for number, row_id in identities(connection, candidates).items() if row_id in ids]


def narrowed(where: Where, audit: Audit, dataset: Dataset, tag: str, reviewed: str) -> Where:
    """``where`` with the rows that are marked so; as it is when neither is asked for."""
    if not tag and not reviewed:
        return where
    marked = numbers(audit, dataset, tag, reviewed)
    return replace(where, numbers=sorted(set(marked) & set(where.numbers)) if where.numbers is not None else marked)


def ids_of(audit: Audit, row_numbers: Iterable[int]) -> dict[int, str]:
    """Row number → identity. A line that is no JSON object cannot be marked."""
    with closing(open_index(audit.folder / "index.sqlite")) as connection:
        return identities(connection, row_numbers)


def known(dataset: Dataset, row_ids: Iterable[str]) -> dict[str, RowMark]:
    marks = RowMark.objects.filter(dataset=dataset, row_id__in=list(row_ids)).select_related("by")
    return {mark.row_id: mark for mark in marks.prefetch_related("tags")}


@transaction.atomic
def carry(dataset: Dataset, changes: Path) -> int:
    """A repaired row keeps what was noted about it: ``changes`` is the engine's changes.jsonl. Returns how many marks
    were copied; what stands at the new row already stays."""
    if not changes.is_file() or not RowMark.objects.filter(dataset=dataset).exists():
        return 0
    copied = 0
    pairs: list[tuple[str, str]] = []
    with changes.open(encoding="utf-8") as lines:
        for line in lines:
            found = json.loads(line)
            before = found["before_id"]
            pairs += [(before, after) for after in found["after_ids"] if before and after != before]
            if len(pairs) >= PART:
                copied += _copy(dataset, pairs)
                pairs.clear()
    return copied + _copy(dataset, pairs)


def _copy(dataset: Dataset, pairs: list[tuple[str, str]]) -> int:
    old = known(dataset, {before for before, _ in pairs})
    there = known(dataset, {after for _, after in pairs})
    copied = 0
    for before, after in pairs:
        mark = old.get(before)
        if mark is None or after in there:
            continue
        there[after] = made = RowMark.objects.create(
            dataset=dataset, row_id=after, reviewed=mark.reviewed, note=mark.note, by=mark.by
        )
        RowTag.objects.bulk_create([RowTag(mark=made, tag=tag.tag) for tag in mark.tags.all()])
        copied += 1
    return copied
