"""How the pages show things: the one place for number formats and the tags every template has."""

from __future__ import annotations

import datetime
from typing import Any

from django import template

from projects_app.models import Project

register = template.Library()


@register.simple_tag
def stops(project: Project, current: str = "") -> list[dict[str, Any]]:
    from workbench.strip import stops as of_project

    return of_project(project, current)


@register.filter
def filesize(count: float | None) -> str:
    if count is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


@register.filter
def count_short(number: float | None) -> str:
    """134515008 → "134.5 M"."""
    if number is None:
        return "–"
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:g}"


@register.filter
def clock(seconds: float | None) -> str:
    """Unix seconds → the time of day."""
    return "–" if seconds is None else datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).strftime("%H:%M:%S")


@register.filter
def get(mapping: dict[Any, Any] | None, key: Any) -> Any:
    return (mapping or {}).get(key)
