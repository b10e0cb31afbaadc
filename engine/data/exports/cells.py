"""Cells of a CSV file that a spreadsheet opens as text, whatever a row says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

# OWASP, CSV Injection: a cell that begins so is run as a formula. The full-width forms count in some locales.
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def neutral(value: object) -> str:
    """The value as text; one that a spreadsheet would run gets an apostrophe in front. So does one that begins with
    such an apostrophe itself, so that the text as it was can be told."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.removeprefix("'").startswith(STARTS) and not isinstance(value, (int, float)) else text


def as_it_was(text: str) -> str:
    """The text of a cell that ``neutral`` wrote."""
    return text[1:] if text.startswith("'") and text[1:].removeprefix("'").startswith(STARTS) else text


def line(values: Iterable[object]) -> bytes:
    """One CSV line, every cell quoted (RFC 4180)."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([neutral(value) for value in values])
    return out.getvalue().encode("utf-8", "replace")
