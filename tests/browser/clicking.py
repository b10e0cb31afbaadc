"""What the browser tests of the Data pages share: uploading, waiting for an audit, finding a figure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

SECOND = 1000
WAIT = 60 * SECOND
Look = Callable[[Page, str], None]


@dataclass(frozen=True)
class Data:
    """The Data page of a project, and the version of the file with planted defects, audited."""

    url: str
    version: str
    files: Path


def upload(page: Page, data_url: str, file: Path) -> str:
    """Uploads the file and gives the address of its version when its audit is there."""
    page.goto(data_url)
    page.locator("[data-upload] input[type=file]").set_input_files(file)
    page.wait_for_url(re.compile(r"/versions/\d+/"), timeout=WAIT)
    expect(page.get_by_label("Readiness")).to_be_visible(timeout=WAIT)
    return page.url


def tab(page: Page, name: str) -> None:
    page.get_by_label("Parts of the audit").get_by_role("link", name=re.compile(f"^{name}")).click()
    expect(page.get_by_label("Parts of the audit").locator("[aria-current]")).to_contain_text(name)


def figure(page: Page, label: str) -> Locator:
    return page.locator(".figures > *", has_text=label).first


def audited(page: Page, not_at: str) -> None:
    """Waits until the page has gone on to a new version and its audit is there."""
    page.wait_for_url(lambda url: bool(re.search(r"/versions/\d+/$", url)) and url != not_at, timeout=WAIT)
    expect(page.get_by_label("Readiness")).to_be_visible(timeout=WAIT)


def press_split(page: Page) -> None:
    page.get_by_role("button", name="Split", exact=True).click()
    expect(page.get_by_role("heading", name="Parts", exact=True)).to_be_visible(timeout=WAIT)


def falling(texts: list[str]) -> bool:
    counts = [int(re.sub(r"\D", "", text)) for text in texts]
    return len(counts) > 1 and counts == sorted(counts, reverse=True)
