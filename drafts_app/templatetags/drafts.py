"""What a version owes to drafts: which teacher wrote rows of it, and who accepted them."""

from __future__ import annotations

from typing import Any

from django import template

from datasets_app.models import DatasetVersion
from drafts_app.models import DraftRow

register = template.Library()


@register.inclusion_tag("drafts_app/_lineage.html")
def draft_lineage(version: DatasetVersion) -> dict[str, Any]:
    rows = DraftRow.objects.filter(repair__child=version).select_related("batch__run", "decided_by")
    batches: dict[int, dict[str, Any]] = {}
    for row in rows:
        entry = batches.setdefault(row.batch_id, {"batch": row.batch, "rows": 0, "edited": 0, "people": set()})
        entry["rows"] += 1
        entry["edited"] += row.edited is not None
        if row.decided_by is not None:
            entry["people"].add(row.decided_by.username)
    return {"batches": [{**entry, "people": sorted(entry["people"])} for entry in batches.values()]}
