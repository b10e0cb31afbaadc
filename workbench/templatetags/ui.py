"""The design system's template tags: icons, state and severity badges, form controls, sortable headings, numbers.

settings.TEMPLATES names this module under `builtins`, so no page loads it. Partials and classes: docs/design-system.md.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, FileInput, RadioSelect, Select
from django.http import HttpRequest, QueryDict
from django.template import Context
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

# A word, a shape and a colour for each state: never colour alone. A state that is not here shows as its own word, grey.
STATES = {
    "going": ("Going", "play", "active"),
    "needs_you": ("Needs you", "user", "warn"),
    "draft": ("Draft", "circle-dashed", "quiet"),
    "queued": ("Queued", "clock", "quiet"),
    "starting": ("Starting", "loader", "active"),
    "running": ("Running", "play", "active"),
    "stopping": ("Stopping", "stop", "active"),
    "pausing": ("Pausing", "pause", "active"),
    "paused": ("Paused", "pause", "quiet"),
    "succeeded": ("Succeeded", "circle-check", "ended"),
    "failed": ("Failed", "x-circle", "bad"),
    "cancelled": ("Stopped", "ban", "quiet"),
    "waiting": ("To review", "circle-dashed", "quiet"),
    "accepted": ("Accepted", "check", "good"),
    "edited": ("Edited and accepted", "edit", "good"),
    "rejected": ("Rejected", "x", "quiet"),
    "ready": ("Ready", "circle-check", "good"),
    "usable": ("Usable with repairs", "alert-triangle", "warn"),
    "not_ready": ("Not ready", "ban", "bad"),
    "unusable": ("Not usable yet", "ban", "bad"),
    "better": ("Better", "trend-up", "good"),
    "worse": ("Worse", "trend-down", "bad"),
    "no difference shown": ("No difference shown", "minus", "quiet"),
    "ship": ("Ship", "check", "good"),
    "do not ship": ("Do not ship", "ban", "bad"),
    "not enough evidence": ("Not enough evidence", "circle-dashed", "quiet"),
}

SEVERITIES = {
    "error": ("Error", "x-circle", "bad"),
    "blocking": ("Blocking", "ban", "bad"),
    "warning": ("Warning", "alert-triangle", "warn"),
    "info": ("Note", "info", "quiet"),
    "note": ("Note", "info", "quiet"),
    "ok": ("None found", "check", "quiet"),
    "reads": ("Can be read", "check", "good"),
}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of static/icons.svg; with `label` it speaks, without it is decoration."""
    href = f"{static('icons.svg')}#{name}"
    if label:
        return format_html('<svg class="ico" role="img" aria-label="{}"><use href="{}"></use></svg>', label, href)
    return format_html('<svg class="ico" aria-hidden="true"><use href="{}"></use></svg>', href)


def _badge(kind: str, entry: tuple[str, str, str], note: object) -> SafeString:
    word, shape, tone = entry
    extra = format_html(' <span class="mark-note">{}</span>', note) if note not in ("", None) else ""
    return format_html(
        '<span class="mark mark-{}" data-{}="{}">{} {}{}</span>', tone, kind, word, icon(shape), word, extra
    )


@register.simple_tag
def state(name: str, note: object = "") -> SafeString:
    """A run's, dataset's or verdict's state as word + shape + colour; `note` (a reason, a count) follows it."""
    return _badge("state", STATES.get(name, (str(name).replace("_", " ").capitalize(), "circle", "quiet")), note)


@register.simple_tag
def severity(name: str, note: object = "") -> SafeString:
    """A finding's severity as word + shape + colour."""
    return _badge("severity", SEVERITIES.get(name, (str(name).capitalize(), "info", "quiet")), note)


@register.simple_tag
def control(field: BoundField, **extra: Any) -> SafeString:
    """A bound field's widget with our classes, tied to its error, help, unit and range by aria-describedby."""
    widget = field.field.widget
    if is_choices(field):
        return _choices(field)
    attrs: dict[str, Any] = {**extra}
    if isinstance(widget, CheckboxInput):
        css = "form-check-input"
    elif isinstance(widget, Select):
        css = "form-select"
    else:
        css = "form-control-file form-control" if isinstance(widget, FileInput) else "form-control"
    described = [f"{field.auto_id}_why"]
    if field.errors:
        css += " is-invalid"
        attrs["aria-invalid"] = "true"
        described.insert(0, f"{field.auto_id}_error")
    attrs["class"] = " ".join(part for part in (css, widget.attrs.get("class", ""), extra.get("class", "")) if part)
    attrs["aria-describedby"] = " ".join(described)
    return field.as_widget(attrs=attrs)


def _choices(field: BoundField) -> SafeString:
    # Django's own template would put the inputs' class on the group as well.
    field.field.widget.attrs["class"] = "form-check-input"
    rows = format_html_join(
        "", "<label>{} <span>{}</span></label>", ((w.tag(), w.choice_label) for w in field.subwidgets)
    )
    return format_html('<div class="choice">{}</div>', rows)


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """Whether the field is one tick box, whose label stands at its right."""
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def is_choices(field: BoundField) -> bool:
    """Whether the field is a group of radio buttons or tick boxes, which needs a fieldset and not a label."""
    return isinstance(field.field.widget, RadioSelect | CheckboxSelectMultiple)


def _query(request: HttpRequest | None, **changes: str | None) -> str:
    query = request.GET.copy() if request else QueryDict(mutable=True)
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = value
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def sort_head(context: Context, label: str, key: str, css: str = "") -> SafeString:
    """A `<th>` that sorts by `key` through ?sort=key, then ?sort=-key; the page number goes back to the first."""
    request = context.get("request")
    now = request.GET.get("sort", "") if request else ""
    order, shape, after = "none", "sort", key
    if now == key:
        order, shape, after = "ascending", "sort-up", f"-{key}"
    elif now == f"-{key}":
        order, shape = "descending", "sort-down"
    return format_html(
        '<th scope="col" class="{}" aria-sort="{}"><a class="sort" href="{}">{} {}</a></th>',
        css,
        order,
        _query(request, sort=after, page=None),
        label,
        icon(shape),
    )


@register.simple_tag(takes_context=True)
def filter_link(context: Context, label: str, name: str, value: str = "", count: object = "") -> SafeString:
    """A filter that is a link: sets ?name=value (an empty value takes it away); the one in force is aria-current."""
    request = context.get("request")
    now = request.GET.get(name, "") if request else ""
    current = SafeString(' aria-current="true"') if now == value else ""
    number = format_html(' <span class="n">{}</span>', count) if count not in ("", None) else ""
    url = _query(request, **{name: value or None, "page": None})
    return format_html('<a class="filter" href="{}"{}>{}{}</a>', url, current, label, number)


@register.filter
def number(value: float | str | None, digits: int | None = None) -> str:
    """1234567 → '1,234,567'; a float keeps `digits` places, or four meaningful ones; None → an en dash."""
    if value is None or isinstance(value, str):
        return "–"
    if digits is None:
        return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return f"{value:,.{digits}f}"


@register.filter
def share(value: float | str | None, digits: int = 1) -> str:
    """0.1234 → '12.3 %' (a no-break space)."""
    return "–" if value is None or isinstance(value, str) else f"{value * 100:.{digits}f}\u00a0%"


@register.filter
def signed_share(value: float | str | None, digits: int = 1) -> str:
    """-0.031 → '−3.1 %', 0.02 → '+2.0 %'."""
    if value is None or isinstance(value, str):
        return "–"
    sign = "\u2212" if value < 0 else "+"
    return f"{sign}{abs(value) * 100:.{digits}f}\u00a0%"


@register.filter
def duration(seconds: float | str | None) -> str:
    """59 → '59 s', 125 → '2 min 05 s', 7325 → '2 h 02 min'; below ten seconds one decimal."""
    if seconds is None or isinstance(seconds, str):
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


@register.simple_tag
def word_diff(parts: list[tuple[str, str]]) -> SafeString:
    """Marks a text by words: `parts` are (kind, text) with kind 'same', 'added' or 'removed'; the text is escaped."""
    tags = {"added": "ins", "removed": "del", "same": "span"}
    return format_html_join("", "<{0}>{1}</{0}>", ((SafeString(tags[kind]), text) for kind, text in parts))


@register.simple_tag(takes_context=True)
def nav_link(context: Context, label: str, url_name: str, under: str = "") -> SafeString:
    """A link of the header; aria-current when the page is there, or under the path `under`. Nothing if no such page."""
    try:
        url = reverse(url_name)
    except NoReverseMatch:
        return SafeString("")
    request = context.get("request")
    here = request.path if request else ""
    current = ""
    if here == url:
        current = SafeString(' aria-current="page"')
    elif under and here.startswith(under):
        current = SafeString(' aria-current="true"')
    return format_html('<a href="{}"{}>{}</a>', url, current, label)
