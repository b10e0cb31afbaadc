"""What the tests of this room add to the shared cast: a launch form as a browser would send it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from datasets_app.models import Audit, Split
from tests.world import World, ticket_rows


class _Fields(HTMLParser):
    """The successful controls of the form with id "launch", as HTML defines them."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self.inside = False
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if tag == "form":
            self.inside = facts.get("id") == "launch"
        name = facts.get("name") or ""
        if not self.inside or "disabled" in facts:
            return
        if tag == "input" and name:
            if facts.get("type") not in ("checkbox", "radio"):
                self.values[name] = facts.get("value") or ""
            elif name.endswith("__picked"):
                self.values.setdefault(name, []).extend([facts.get("value")] if "checked" in facts else [])
            elif "checked" in facts:
                self.values[name] = facts.get("value") or "on"
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in facts or self.select not in self.values):
            self.values[self.select] = facts.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select":
            self.select = ""


def form_values(response: HttpResponse) -> dict[str, Any]:
    """What a browser without JavaScript would send if somebody pressed "Start the run" now."""
    parser = _Fields()
    parser.feed(response.content.decode())
    parser.values.pop("csrfmiddlewaretoken", None)
    return parser.values


def launch_url(world: World) -> str:
    return reverse("launch", args=[world.project.pk])


def preview_url(world: World) -> str:
    return reverse("launch_preview", args=[world.project.pk])


def add_audit(world: World, split: Split, tokens: dict[str, Any] | None, **shapes: int) -> Audit:
    """The audit document of the split's version, with these token lengths and numbers of rows of each shape."""
    run = world.run(kind="audit", status="succeeded")
    document = {"tokens": tokens, "formats": [{"name": name, "count": count} for name, count in shapes.items()]}
    return Audit.objects.create(version=split.version, run=run, base_model=world.base_model, document=document)


def shaped_split(world: World, shape: str) -> Split:
    """A split of 26 rows of one shape, audited."""
    split = world.split(make=ROWS[shape])
    add_audit(world, split, None, **{shape: 26})
    return split


def preference_rows(count: int) -> list[dict[str, Any]]:
    return [
        {"prompt": f"Order {n}: what is it?", "chosen": f"A lamp, {n}.", "rejected": "No idea."} for n in range(count)
    ]


def thumb_rows(count: int) -> list[dict[str, Any]]:
    return [
        {"prompt": f"Order {n}: what is it?", "completion": f"A lamp, {n}.", "label": n % 2 == 0} for n in range(count)
    ]


def text_rows(count: int) -> list[dict[str, Any]]:
    return [{"text": f"The lamp of shelf {n} burns with oil and stands on {n % 4} feet."} for n in range(count)]


ROWS = {"preference": preference_rows, "kto": thumb_rows, "text": text_rows, "messages": ticket_rows}


LENGTHS = {
    "unit": "tokens",
    "rows": 100,
    "min": 50,
    "mean": 150.0,
    "p50": 140,
    "p95": 280,
    "p99": 300,
    "max": 320,
    "histogram": {"edges": [0, 100, 200, 300], "counts": [25, 50, 25], "last_bin_open": True},
    "model": "tiny",
}
