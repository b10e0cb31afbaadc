"""How the pages show things: the one place for number formats and the tags every template has."""

from __future__ import annotations

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
def get(mapping: dict[Any, Any] | None, key: Any) -> Any:
    return (mapping or {}).get(key)


@register.filter
def in_unit(value: float | str | None, unit: str) -> str:
    """A metric's figure in its unit: shares as percent, seconds and tokens with a word, else three digits."""
    if value is None or isinstance(value, str):  # what is absent from an old document comes as an empty text
        return "–"
    if unit == "share":
        return f"{100 * value:.1f} %"
    return {"seconds": f"{value:.2f} s", "tokens": f"{value:.0f} tokens", "money": f"{value:.2f}"}.get(
        unit, f"{value:.3f}"
    )


@register.filter
def interval(figure: dict[str, Any], unit: str) -> str:
    """The 95 % interval of a figure, its unit said once: "6.7 to 35.9 %"."""
    low, high = in_unit(figure.get("low"), unit), in_unit(figure.get("high"), unit)
    return f"{low.partition(' ')[0]} to {high}"


@register.filter
def gap_in_unit(value: float | None, unit: str) -> str:
    """A difference with its sign: shares in percentage points."""
    if value is None:
        return "–"
    text = {
        "share": f"{100 * value:+.1f}",
        "seconds": f"{value:+.2f}",
        "tokens": f"{value:+.0f}",
        "money": f"{value:+.2f}",
    }
    return text.get(unit, f"{value:+.3f}").replace("-", "−")


@register.filter
def p_value(p: float | None) -> str:
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
