"""The columns of a version, by its first rows: what forms offer to choose from."""

from __future__ import annotations

from datasets_app.models import DatasetVersion
from engine.data.containers import CONTAINERS
from engine.data.errors import FileRefused
from engine.data.mapping import columns_in, first_records
from engine.data.mask import mask_text
from engine.data.records import Record
from engine.data.sniff import sniff
from engine.data.splits.columns import time_columns

Choices = list[tuple[str, str]]


def first_rows(version: DatasetVersion) -> list[Record]:
    """The first rows that can be read; none of a file that is refused, and none that would have to be unpacked here."""
    try:
        if not version.path.is_file() or sniff(version.path, version.filename) in CONTAINERS:
            return []
        return [record for record in first_records(version.path, version.filename) if isinstance(record, Record)]
    except FileRefused:
        return []


def choices(columns: list[str]) -> Choices:
    """As a select offers them: a column may be named like an address."""
    return [(column, mask_text(column)) for column in columns]


def of(version: DatasetVersion) -> tuple[list[str], list[str]]:
    """(all columns, those that hold times)."""
    rows = first_rows(version)
    columns = columns_in(record.row for record in rows)
    return columns, time_columns(iter(rows), columns)
