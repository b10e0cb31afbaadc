"""Draws every component of the design system on one page: `python -m tests.browser.kitchen OUT_DIR` writes pictures.

No database and no running workbench: the page is rendered from templates/ and answered, with static/, in the browser.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
# The system's Chromium, else the one the driver installed for itself.
CHROMIUM = os.environ.get("WORKBENCH_CHROMIUM") or shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOST = "http://kitchen.test"
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".html": "text/html",
}
# The policy of workbench/settings.py: a component that needs more shows here as a console error.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self' blob:; font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'"
)

FEED = """(element, list) => {
  for (const detail of JSON.parse(list)) element.dispatchEvent(new CustomEvent("run:event", { bubbles: true, detail }));
}"""


def render(template: str = "kitchen.html", **more: Any) -> str:
    """The page's HTML, with the project's own templates and tags."""
    from django.core.paginator import Paginator
    from django.template.backends.django import DjangoTemplates
    from django.test import RequestFactory

    from workbench.templatetags import ui

    engine = DjangoTemplates(
        {
            "NAME": "kitchen",
            "APP_DIRS": False,
            "DIRS": [ROOT / "templates", ROOT / "tests" / "browser"],
            "OPTIONS": {"builtins": ["workbench.templatetags.ui"], "context_processors": []},
        }
    )
    request = RequestFactory().get("/projects/?sort=-age")
    form, advanced = forms()
    user = SimpleNamespace(is_authenticated=True, get_username=lambda: "anna")
    context = {
        "request": request,
        "user": user,
        "form": form,
        "more": advanced,
        "page": Paginator(range(120), 50).page(2),
        "states": list(ui.STATES),
        "severities": ["error", "warning", "info"],
        "strip": [
            {"name": "Data", "url": "#d", "state": "v3 ready, 320 rows", "current": False},
            {"name": "Train", "url": "#t", "state": "run 14 running, 76 %", "current": True},
            {"name": "Evaluate", "url": "", "state": "needs a tuned model", "current": False},
        ],
        "facts": [
            ("Rows", "320"),
            ("SHA-256", "9f2c" * 16),
            ("Parent", "tickets-v2"),
            ("Made by", "Drop duplicates, drop unusable rows"),
        ],
        "base_parts": [
            ("same", "Sure, "),
            ("removed", "the ticket is about a payment that was taken twice, so it is "),
            ("same", "billing"),
        ],
        "tuned_parts": [
            ("same", '{"category": "billing", '),
            ("added", '"priority": "high", '),
            ("same", '"order": "8841"}'),
        ],
        "histogram": {
            "edges": [i * 64 for i in range(25)],
            "counts": [round(60 * math.exp(-((i - 6) ** 2) / 18)) + (i > 18) for i in range(24)],
            "cutoff": 1024,
        },
        **more,
    }
    return str(engine.get_template(template).render(context, request))


def forms() -> tuple[Any, Any]:
    """A form with a mistake in it, and one of further settings, shaped like the launch form."""
    from django import forms as f

    class Simple(f.Form):
        name = f.CharField(label="Name of the run")
        rate = f.FloatField(label="Learning rate", max_value=0.1)
        adapter = f.ChoiceField(
            label="Adapter",
            choices=[("lora", "LoRA"), ("full", "Full")],
            help_text="LoRA trains small matrices beside the frozen weights.",
        )
        task = f.ChoiceField(
            label="Task",
            choices=[("a", "Classification"), ("b", "Extraction to JSON")],
            widget=f.RadioSelect,
            help_text="Decides which metrics are measured.",
        )
        answers_only = f.BooleanField(
            label="Train on answers only", required=False, help_text="The prompt's tokens are read, not learnt."
        )
        prompt = f.CharField(label="System prompt", widget=f.Textarea(attrs={"rows": 3}), required=False)

    class Advanced(f.Form):
        cutoff_len = f.IntegerField(label="Cutoff length", initial=512)
        warmup = f.FloatField(label="Warm-up ratio", initial=0.03)

    form = Simple({"name": "tickets, second try", "rate": "2", "adapter": "lora", "task": "b", "answers_only": "on"})
    for name, unit, span, why in (
        ("rate", "per step", "1e-6 to 0.1", "How far one step goes. Higher learns faster and forgets more."),
    ):
        form.fields[name].unit, form.fields[name].range, form.fields[name].why = unit, span, why
    advanced = Advanced()
    advanced.fields["cutoff_len"].unit = "tokens"
    advanced.fields["cutoff_len"].why = "Longer rows are cut here. 3 % of rows are longer."
    return form, advanced


def events() -> list[dict[str, Any]]:
    """A short run's events, as engine/events.py writes them."""
    out: list[dict[str, Any]] = []
    for step in range(51):
        noise = math.sin(step * 1.7) * 0.06 + math.sin(step * 0.9) * 0.04
        if step:
            out.append(
                {
                    "kind": "metric",
                    "step": step,
                    "loss": 0.75 + 2.2 * math.exp(-step / 11) + noise,
                    "tokens_per_s": 270 + 18 * math.sin(step / 3),
                }
            )
        if step % 10 == 0:
            out.append({"kind": "metric", "step": step, "eval_loss": 0.86 + 2.1 * math.exp(-step / 12)})
            out.append(
                {
                    "kind": "probe",
                    "step": step,
                    "suite": "general",
                    "measure": "loss",
                    "change": -0.0011 * step + 0.004 * math.sin(step),
                }
            )
            out.append(
                {
                    "kind": "probe",
                    "step": step,
                    "suite": "general",
                    "measure": "accuracy",
                    "change": -0.0007 * step - 0.006 * math.sin(step),
                }
            )
    return [{"seq": i + 1, **event} for i, event in enumerate(out)]


def answer_from_files(page: Any, html: str) -> None:
    """Answers `/` with `html` under the project's policy, and /static/ from the folder."""

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix(HOST).split("?")[0]
        file = ROOT / path.lstrip("/")
        if path.startswith("/static/") and file.is_file():
            route.fulfill(body=file.read_bytes(), content_type=TYPES.get(file.suffix, "application/octet-stream"))
        elif path in ("/", "/projects/"):
            route.fulfill(
                body=html, headers={"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY}
            )
        else:
            route.fulfill(status=404, body="")

    page.route("**/*", answer)


def open_page(browser: Any, html: str, *, width: int, theme: str) -> tuple[Any, list[str]]:
    """A loaded page (its charts fed) and what its console complained of."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    answer_from_files(page, html)
    page.goto(f"{HOST}/")
    page.wait_for_load_state("load")
    page.locator("#feed").evaluate(FEED, json.dumps(events()))
    page.wait_for_selector("[data-run-chart] .main-svg")
    return page, complaints


def configure() -> None:
    """Just enough Django to render, when no test runner has set it up."""
    if settings.configured or os.environ.get("DJANGO_SETTINGS_MODULE"):
        return
    settings.configure(
        INSTALLED_APPS=["django.contrib.staticfiles"],
        STATIC_URL="/static/",
        SECRET_KEY="kitchen",
        ROOT_URLCONF="tests.browser.kitchen",
        USE_I18N=False,
    )
    django.setup()


def main(out: Path) -> None:
    """Screenshots of each width and theme, and the console's complaints."""
    from playwright.sync_api import sync_playwright

    out.mkdir(parents=True, exist_ok=True)
    html = render()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for theme in ("light", "dark"):
            for width in (1280, 390):
                page, complaints = open_page(browser, html, width=width, theme=theme)
                page.wait_for_timeout(600)
                page.screenshot(path=out / f"kitchen-{theme}-{width}.png", full_page=True)
                wide = page.evaluate("document.documentElement.scrollWidth")
                print(theme, width, "scroll width", wide, complaints)
                page.close()
        browser.close()


def named(name: str) -> Any:
    from django.http import HttpResponse
    from django.urls import path

    return path(f"{name}/" if name != "home" else "projects/", lambda request: HttpResponse(), name=name)


configure()
urlpatterns = (
    [named(name) for name in ("home", "queue", "models", "sign_out", "sign_in")] if settings.configured else []
)

if __name__ == "__main__":
    main(Path(sys.argv[1]))
