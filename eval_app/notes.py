"""Notes and tags on the rows of an evaluation.

A note belongs to the evaluation and to whoever wrote it. A tag is the dataset's own (datasets_app.marks): it is kept by
the row's identity, stands on the Data pages as well, and is a slice of the evaluations to come.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count

from datasets_app.models import Dataset
from datasets_app.review_models import RowMark, RowTag
from eval_app.models import Evaluation, EvaluationRow, RowNote


@dataclass
class Marked:
    """What people said of one row."""

    notes: list[RowNote] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


def dataset_of(found: Evaluation) -> Dataset:
    """The dataset whose rows were asked."""
    version = found.split.version if found.split else found.version
    assert version is not None, "an evaluation has a split or a version"
    return version.dataset


def marks_of(found: Evaluation, rows: Iterable[EvaluationRow]) -> dict[int, Marked]:
    """Position → notes and tags, for these rows, by two queries."""
    known = {row.position: row for row in rows}
    made = {position: Marked() for position in known}
    for note in RowNote.objects.filter(evaluation=found, position__in=known).select_related("by"):
        made[note.position].notes.append(note)
    at: dict[str, list[int]] = {}
    for position, row in known.items():
        at.setdefault(row.row_id, []).append(position)
    tags = RowTag.objects.filter(mark__dataset=dataset_of(found), mark__row_id__in=at)
    for row_id, tag in tags.order_by("tag").values_list("mark__row_id", "tag"):
        for position in at[row_id]:
            made[position].tags.append(tag)
    return made


def tags_in(found: Evaluation) -> list[tuple[str, int]]:
    """The tags of this evaluation's rows, each with how many rows have it."""
    asked = EvaluationRow.objects.filter(evaluation=found).values("row_id")
    marks = RowMark.objects.filter(dataset=dataset_of(found), row_id__in=asked)
    return list(marks.filter(tags__isnull=False).values_list("tags__tag").annotate(n=Count("pk")).order_by("tags__tag"))
