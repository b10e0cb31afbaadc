"""Which operation of the repair page answers a finding."""

from __future__ import annotations

from typing import Any

from django import template

from datasets_app.audit_page import mends
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
