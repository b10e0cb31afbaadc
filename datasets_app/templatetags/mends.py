"""Which operation of the repair page answers a finding."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse

from datasets_app import reports
from datasets_app.audit_page import mends
from datasets_app.models import DatasetVersion
from engine.data.repairs import load

register = template.Library()


@register.simple_tag
def mended_by(finding: dict[str, Any]) -> dict[str, str] | None:
    """``op`` and ``title`` of the operation, for a link to its preview; None where only a person can mend it."""
    op = mends(finding)
    return {"op": op, "title": load(op).TITLE} if op else None


@register.filter
def plainly(code: str) -> str:
    """two_values → two values: a kind as the engine names it, for a page."""
    return str(code).replace("_", " ")


@register.simple_tag
def finding_url(version: DatasetVersion, finding: dict[str, Any]) -> str:
    """Where a finding can be looked at: its rows, or the place on the audit page that shows what has no rows."""
    if place := reports.PLACES.get(finding["code"]):
        tab, anchor, _ = place
        return f"{version.get_absolute_url()}?tab={tab}#{anchor}"
    here = reverse("version_rows", args=[version.dataset.project_id, version.pk])
    return f"{here}?{urlencode({'finding': finding['code']})}"
