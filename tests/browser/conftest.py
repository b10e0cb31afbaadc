"""A real workbench, started as `make run` starts it, and a real headless Chromium."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import kitchen, planted
from tests.browser.clicking import Data, Look, upload
from tests.home import ROOT

PICTURES = ROOT / "docs" / "screenshots"


@dataclass
class Site:
    """A running workbench: its address, its home folder, and a fresh way in for each browser."""

    url: str
    home: Path
    launcher: subprocess.Popen[str]
    link: str

    def sign_in_link(self) -> str:
        """A one-time link; the first is the one the launcher printed."""
        link, self.link = self.link, ""
        if link:
            return link
        argv = [sys.executable, "manage.py", "signin_link"]
        made = subprocess.run(argv, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=True)
        return made.stdout.strip()

    def environment(self) -> dict[str, str]:
        keep = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL")}
        return {**keep, "WORKBENCH_HOME": str(self.home), "PORT": self.url.rpartition(":")[2]}


@dataclass
class Visitor:
    """One browser window that keeps what its console complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def site(starter_model: Path) -> Iterator[Site]:
    """A workbench with an empty database and the starter model, on a free port, ended after the module."""
    home = Path(tempfile.mkdtemp(prefix="wb-site-"))
    shutil.copytree(starter_model, home / "models" / starter_model.name, copy_function=os.link)
    port = _free_port()
    site = Site(f"http://127.0.0.1:{port}", home, None, "")  # type: ignore[arg-type]
    site.launcher = subprocess.Popen(
        [sys.executable, "-m", "workbench.launcher"],
        cwd=ROOT,
        env=site.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        site.link = _printed_link(site.launcher)
        yield site
    finally:
        site.launcher.send_signal(signal.SIGTERM)
        try:
            site.launcher.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(site.launcher.pid, signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=kitchen.CHROMIUM, args=kitchen.FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """One signed-in browser profile for the module; its windows share the session, as a person's do."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=site.url)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(site.sign_in_link())
    page.close()
    yield context
    context.close()


@pytest.fixture
def visitor(signed_in: BrowserContext) -> Iterator[Visitor]:
    """A window that must end without a complaint on its console."""
    visitor = Visitor(signed_in.new_page())
    visitor.page.on(
        "console", lambda said: visitor.complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    yield visitor
    visitor.page.close()
    assert visitor.complaints == []


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Page, str], None]:
    """Takes a page's screenshots: 1280 light and dark, 390 light. They go to docs/ when WORKBENCH_PICTURES=1."""
    keep = os.environ.get("WORKBENCH_PICTURES") == "1"
    folder = PICTURES if keep else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        for suffix, width, scheme in (("", 1280, "light"), ("-dark", 1280, "dark"), ("-phone", 390, "light")):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(300)
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, f"{name} scrolls sideways by {overflow} px at {width} px"
            page.screenshot(path=folder / f"{name}{suffix}.png", full_page=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})

    return take


@pytest.fixture(scope="module")
def data(site: Site, signed_in: BrowserContext, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    files = tmp_path_factory.mktemp("files")
    page = signed_in.new_page()
    page.goto("/projects/new/")
    page.get_by_label("Name").fill("Orders")
    page.get_by_label(re.compile("What the model should do", re.I)).fill("Answer questions about orders.")
    page.get_by_label(re.compile("Task type", re.I)).select_option("text")
    page.get_by_role("button", name="Make the project").click()
    url = page.url
    yield Data(url, upload(page, url, planted.dirty(files / "orders.jsonl")), files)
    page.close()


@pytest.fixture
def look(picture: Look) -> Look:
    """Looks at a page as customers do: light, dark, on a phone without scrolling sideways, by a screen reader."""

    def at(page: Page, name: str) -> None:
        picture(page, name)
        found = Axe().run(page).response["violations"]
        serious = [
            (v["id"], n["html"][:160]) for v in found if v["impact"] in ("serious", "critical") for n in v["nodes"]
        ]
        assert serious == [], page.url

    return at


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _printed_link(launcher: subprocess.Popen[str]) -> str:
    said: list[str] = []
    deadline = time.monotonic() + 120
    assert launcher.stdout is not None
    for line in launcher.stdout:
        said.append(line)
        if found := re.search(r"^Open (http://\S+)", line):
            return found.group(1)
        if time.monotonic() > deadline:
            break
    raise AssertionError("no sign-in link was printed:\n" + "".join(said))
