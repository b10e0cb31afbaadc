"""The design system in a real browser: contrast and names, fit, the live feed, the chart, the upload, the keys."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.browser import kitchen

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=kitchen.CHROMIUM, args=kitchen.FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def html() -> str:
    return kitchen.render()


def until(page: Page, expression: str, turns: int = 200) -> None:
    """Waits for a truth of the page. The policy forbids wait_for_function, which evaluates a string inside the page."""
    for _ in range(turns):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {expression}")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_has_no_serious_finding_and_fits_the_screen(browser: Browser, html: str, theme: str, width: int) -> None:
    page, complaints = kitchen.open_page(browser, html, width=width, theme=theme)
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
    found = Axe().run(page).response["violations"]
    serious = [(v["id"], n["html"][:160]) for v in found if v["impact"] in ("serious", "critical") for n in v["nodes"]]
    page.close()
    assert serious == []


def test_it_remembers_the_theme_and_follows_the_system_again(browser: Browser, html: str) -> None:
    page, _ = kitchen.open_page(browser, html, width=1280, theme="light")
    page.get_by_role("button", name="Dark theme").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Dark theme").click()
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.close()


def test_it_draws_the_curves_and_tells_them_as_a_table(browser: Browser, html: str) -> None:
    page, _ = kitchen.open_page(browser, html, width=1280, theme="light")
    names = page.evaluate(
        "document.querySelector('.chart-plot').data.map(t => [t.name, t.line.dash || 'solid', t.x.length])"
    )
    assert ["train loss", "solid", 50] in names and ["validation loss", "dash", 6] in names
    assert [name for name, *_ in names if name.startswith("general")] == ["general accuracy", "general loss"]
    page.get_by_text("Values as a table").first.click()
    table = page.locator("[data-run-chart] table")
    expect(table.locator("tbody tr")).to_have_count(51)
    expect(table.locator("thead th").first).to_have_text("step")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    head, *rows = download.value.path().read_text().splitlines()
    assert head.split(",")[:2] == ["step", "validation_loss"] and len(rows) == 51
    page.close()


def test_it_replaces_what_a_resumed_run_measures_again(browser: Browser, html: str) -> None:
    page, _ = kitchen.open_page(browser, html, width=1280, theme="light")
    again = json.dumps([{"seq": 900, "kind": "metric", "step": 41, "loss": 0.5}])
    page.locator("#feed").evaluate(kitchen.FEED, again)
    until(page, "document.querySelector('.chart-plot').data[0].x.at(-1) === 41")
    assert page.evaluate("document.querySelector('.chart-plot').data[0].x.length") == 41
    page.close()


class Server:
    """A run's two endpoints, answered inside the browser; a stream ends at once, as a cut one does."""

    def __init__(self, page: Page) -> None:
        self.events: list[dict[str, Any]] = []
        self.streamed: list[dict[str, Any]] = []
        self.asked: list[int] = []
        self.states: list[dict[str, Any]] = []
        self.status = "running"
        self.stream_status = 200
        page.route("**/events?*", self.history)
        page.route("**/stream?*", self.stream)

    def history(self, route: Route) -> None:
        after = int(re.findall(r"after=(\d+)", route.request.url)[0])
        self.asked.append(after)
        page = [event for event in self.events if event["seq"] > after][:3]
        following = page[-1]["seq"] if page else after
        body = {"events": page, "next": following, "more": following < len(self.events)}
        body |= {"status": self.status, "ended": self.status == "cancelled"}
        route.fulfill(json=body)

    def stream(self, route: Route) -> None:
        if self.stream_status != 200:
            route.fulfill(status=self.stream_status, body="")
            return
        lines = "".join(f"id: {event['seq']}\ndata: {json.dumps(event)}\n\n" for event in self.streamed)
        if self.states:
            self.status = self.states[-1]["status"]  # the history tells the same from now on
        lines += "".join(f"event: state\ndata: {json.dumps(state)}\n\n" for state in self.states)
        route.fulfill(body=lines or ": nothing yet\n\n", content_type="text/event-stream")


LIVE = """<!doctype html><html lang="en"><title>Run</title>
<div data-run data-events-url="/events" data-stream-url="/stream">
<span data-live-connection></span><b id="loss" data-live="metric.loss" data-live-format="loss"></b>
<div data-live-progress><span data-part="label"></span><span data-part="detail"></span><progress></progress></div>
<pre data-live-log></pre></div><script src="/static/js/record.js"></script>
<script src="/static/js/live-fields.js" type="module"></script>
<script src="/static/js/live.js" type="module"></script></html>"""
RECORD = """window.seen = []; window.states = [];
document.addEventListener("run:event", (event) => { if (event.detail.seq) seen.push(event.detail.seq); });
document.addEventListener("run:state", (event) => states.push(event.detail.status));
document.addEventListener("run:ended", () => states.push("ended"));"""


def live_page(browser: Browser, prepare: Any) -> tuple[Page, Server]:
    page = browser.new_page()
    kitchen.answer_from_files(page, LIVE)
    page.route("**/record.js", lambda route: route.fulfill(body=RECORD, content_type="text/javascript"))
    server = Server(page)
    prepare(server)
    page.goto(f"{kitchen.HOST}/")
    return page, server


def metric(seq: int, **more: Any) -> dict[str, Any]:
    return {"seq": seq, "kind": "metric", "step": seq, "loss": 1 / seq, **more}


def test_it_reads_the_whole_history_in_order_and_once(browser: Browser) -> None:
    def prepare(server: Server) -> None:
        server.events = [metric(i) for i in range(1, 9)]
        server.streamed = server.events[5:]  # what a stream sends again is not shown again

    page, _ = live_page(browser, prepare)
    until(page, "seen.length >= 8")
    expect(page.locator("#loss")).to_have_text("0.125")
    assert page.evaluate("seen") == list(range(1, 9))
    page.close()


def test_it_asks_the_history_when_the_numbers_jump(browser: Browser) -> None:
    def prepare(server: Server) -> None:
        server.events = [metric(1), metric(2)]
        server.streamed = [metric(6)]

    page, server = live_page(browser, prepare)
    until(page, "seen.length >= 2")
    server.events = [metric(i) for i in range(1, 7)]
    until(page, "seen.length >= 6")
    assert page.evaluate("seen") == [1, 2, 3, 4, 5, 6]
    page.close()


def test_it_polls_when_there_is_no_stream_and_stops_at_the_end(browser: Browser) -> None:
    def prepare(server: Server) -> None:
        server.stream_status = 503
        server.events = [metric(1)]

    page, server = live_page(browser, prepare)
    expect(page.locator("[data-live-connection]")).to_have_attribute("data-connection", "polling", timeout=15000)
    server.events += [
        {"seq": 2, "kind": "progress", "step": 40, "total": 50, "eta_s": 125},
        {"seq": 3, "kind": "log", "text": "<b>saved</b>"},
        {"seq": 4, "kind": "status", "status": "succeeded"},
    ]
    expect(page.locator("[data-live-connection]")).to_have_attribute("data-connection", "ended", timeout=15000)
    expect(page.locator('[data-part="label"]')).to_have_text("Step 40 of 50")
    expect(page.locator('[data-part="detail"]')).to_have_text("about 2 min 05 s left")
    expect(page.locator("[data-live-log]")).to_have_text("<b>saved</b>")
    page.close()


def test_it_tells_a_change_of_state_and_the_end_once(browser: Browser) -> None:
    def prepare(server: Server) -> None:
        server.events = [metric(1)]
        server.states = [{"seq": 0, "kind": "state", "status": "stopping", "wanted": "save"}]

    page, server = live_page(browser, prepare)
    until(page, "states.includes('stopping')")
    server.status, server.states = "cancelled", []
    until(page, "states.includes('ended')")
    page.wait_for_timeout(300)
    assert page.evaluate("states") == ["running", "stopping", "cancelled", "ended"]
    page.close()


class Tus:
    """A tus 1.0 server inside the browser that loses its connection once and counts what it was sent."""

    def __init__(self, page: Page, *, refuse: bool = False) -> None:
        self.received = b""
        self.size = 0
        self.breaks = 1
        self.tokens: set[str] = set()
        self.metadata: dict[str, str] = {}
        self.refuse = refuse
        page.route(f"{kitchen.HOST}/tus/**", self.answer)

    def answer(self, route: Route) -> None:
        request = route.request
        head = {"Tus-Resumable": "1.0.0"}
        self.tokens.add(request.headers.get("x-csrftoken", ""))
        if request.method == "POST":
            if self.refuse:
                found = {"found": "The project is full.", "remedy": "Remove a version first."}
                route.fulfill(status=413, json=found, headers=head)
                return
            self.size = int(request.headers["upload-length"])
            pairs = (pair.split(" ") for pair in request.headers["upload-metadata"].split(","))
            self.metadata = {name: base64.b64decode(value).decode() for name, value in pairs}
            route.fulfill(status=201, headers={**head, "Location": "/tus/one"})
            return
        if request.method == "PATCH":
            if self.breaks and self.received:
                self.breaks -= 1
                route.abort("connectionreset")
                return
            assert int(request.headers["upload-offset"]) == len(self.received)
            self.received += request.post_data_buffer or b""
        head |= {"Upload-Offset": str(len(self.received)), "Upload-Length": str(self.size)}
        if len(self.received) == self.size:
            head |= {"X-Upload-Sha256": "ab" * 32, "X-Upload-Next": "/?uploaded=1"}
        route.fulfill(status=204 if request.method == "PATCH" else 200, headers=head)


def test_it_uploads_in_slices_past_a_broken_connection(browser: Browser, html: str) -> None:
    page, _ = kitchen.open_page(browser, html, width=1280, theme="light")
    server = Tus(page)
    content = b'{"prompt": "a", "completion": "b"}\n' * 260_000
    page.locator('[data-upload] input[type="file"]').set_input_files(
        [{"name": "tickets.jsonl", "mimeType": "application/json", "buffer": content}]
    )
    expect(page.locator('[data-upload] [data-part="status"]')).to_contain_text("SHA-256 " + "ab" * 32, timeout=30000)
    page.wait_for_url("**/?uploaded=1")
    assert server.received == content
    assert server.breaks == 0
    assert server.metadata == {"filename": "tickets.jsonl"}
    page.close()


def test_it_takes_a_file_chosen_before_the_script_was_there(browser: Browser, html: str) -> None:
    page, _ = kitchen.open_page(browser, html, width=1280, theme="light")
    server = Tus(page)
    held: list[Route] = []
    page.route("**/js/upload.js", lambda route: held.append(route), times=1)
    page.reload(wait_until="commit")
    file = page.locator('[data-upload] input[type="file"]')
    file.set_input_files([{"name": "early.jsonl", "mimeType": "application/json", "buffer": b"{}\n"}])
    assert not server.received
    held[0].fallback()
    page.wait_for_url("**/?uploaded=1")
    assert server.received == b"{}\n"
    page.close()


def test_it_says_why_an_upload_was_refused(browser: Browser, html: str) -> None:
    page, _ = kitchen.open_page(browser, html, width=1280, theme="light")
    Tus(page, refuse=True)
    page.locator('[data-upload] input[type="file"]').set_input_files(
        [{"name": "a.jsonl", "mimeType": "application/json", "buffer": b"{}\n"}]
    )
    status = page.locator('[data-upload] [data-part="status"]')
    expect(status).to_have_text("The file was not accepted: The project is full. Remove a version first.")
    expect(page.get_by_text("Choose a file")).to_be_visible()
    page.close()


def test_it_hides_a_system_and_moves_through_filters_by_key(browser: Browser, html: str) -> None:
    page, _ = kitchen.open_page(browser, html, width=1280, theme="light")
    page.keyboard.press("2")
    expect(page.locator('[data-system="2"]')).to_be_hidden()
    page.keyboard.press("2")
    expect(page.locator('[data-system="2"]')).to_be_visible()
    page.locator('textarea[name="prompt"]').press("2")
    expect(page.locator('[data-system="2"]')).to_be_visible()
    page.locator("#main").press("f")
    page.wait_for_url("**/?*show=gained*")
    page.close()
