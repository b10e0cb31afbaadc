"""What the page of a version says about the shape and the sources of its rows."""

from __future__ import annotations

import sqlite3
from typing import Any

from django import template

from datasets_app import mixing
from datasets_app.models import Audit, DatasetVersion
from engine.data.index import open_index

register = template.Library()
CODE = "unknown_shape"


@register.inclusion_tag("datasets_app/_other_shape.html")
def other_shape(version: DatasetVersion, audit: Audit | None, can_write: bool) -> dict[str, Any]:
    """Rows of no known shape with what was found in the first of them, and the way to say what their columns are."""
    document = (audit.document if audit else None) or {}
    finding = next((each for each in document.get("findings", []) if each["code"] == CODE), None)
    return {
        "version": version,
        "project": version.dataset.project,
        "can_write": can_write,
        "document": document,
        "count": finding["count"] if finding else 0,
        "found": _first_note(audit) if audit and finding else "",
    }


def _first_note(audit: Audit) -> str:
    """What the audit noted at the first such row, already masked; nothing when its index is gone."""
    try:
        connection = open_index(audit.folder / "index.sqlite")
    except sqlite3.Error:
        return ""
    try:
        row = connection.execute(
            "select note from finding_row where code = ? order by number limit 1", (CODE,)
        ).fetchone()
    except sqlite3.Error:
        return ""
    finally:
        connection.close()
    return str(row[0]) if row else ""


@register.inclusion_tag("datasets_app/_mixed.html")
def sources(version: DatasetVersion) -> dict[str, Any]:
    """Where the rows of a mix come from, with both parents; nothing for other versions."""
    return {"version": version, "mixed": mixing.mixed(version) if version.parent else None}
