"""Drafting by clicking: an endpoint, a preview, a review by keys, and the version that holds what was accepted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Site, Visitor
from tests.engine.teachers.openai_server import KEY, OpenAI, said, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
SECOND = 1000


@pytest.fixture(scope="module", autouse=True)
def private_endpoints() -> Iterator[None]:
    """The site of this module may ask servers of this machine."""
    os.environ["WORKBENCH_ALLOW_PRIVATE_ENDPOINTS"] = "1"
    yield
    del os.environ["WORKBENCH_ALLOW_PRIVATE_ENDPOINTS"]


def tickets(server: OpenAI, body: dict[str, Any]) -> Any:
    """Four tickets an answer, none like another."""
    first = 4 * len(server.asked)
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Lamp{n} of shop{n} hums{n} since{n} May{n}, order{n} Q-{n}."},
                {"role": "assistant", "content": json.dumps({"category": "defect", "order_id": f"Q-{n}"})},
            ]
        }
        for n in range(first, first + 4)
    ]
    return said("\n".join(json.dumps(row) for row in rows))


def test_a_person_drafts_reviews_and_adds_rows(site: Site, visitor: Visitor, signed_in: BrowserContext) -> None:
    page = visitor.page
    with serving(tickets) as server:
        page.goto("/")
        page.get_by_role("button", name="Try the sample").click()
        expect(page.get_by_role("link", name="Draft rows")).to_be_visible(timeout=90 * SECOND)
        version = page.url
        _add_endpoint(page, server)
        page.goto(version)
        page.get_by_role("link", name="Draft rows").click()
        page.get_by_label("Rows to draft").fill("8")
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("heading", name="What leaves this machine")).to_be_visible(timeout=30 * SECOND)
        expect(page.locator("#draft-preview")).to_contain_text("127.0.0.1")
        assert len(server.asked) == 1, "the test of the endpoint and nothing else"
        _accessible(page)
        page.get_by_role("button", name="Start drafting").click()
        expect(page.locator("#draft-progress")).to_contain_text("Succeeded", timeout=60 * SECOND)
        page.reload()
    left = page.locator("#review-left")
    expect(left).to_contain_text("8 to review")
    _accessible(page)
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(left).to_contain_text("7 to review, 1 accepted, 0 rejected")
    page.keyboard.press("r")
    expect(left).to_contain_text("6 to review, 1 accepted, 1 rejected")
    page.keyboard.press("k")
    page.keyboard.press("u")
    expect(left).to_contain_text("7 to review, 1 accepted, 0 rejected")
    expect(page.locator("[data-row].is-current")).to_be_visible()
    page.keyboard.press("e")
    page.get_by_label("Turn 1, user").fill("My lamp hums.")
    page.get_by_role("button", name="Save and accept").click()
    expect(left).to_contain_text("6 to review, 2 accepted, 0 rejected")
    page.get_by_role("button", name="Add accepted rows").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("v2", timeout=60 * SECOND)
    expect(page.locator("main")).to_contain_text("2 rows of this version are synthetic")
    expect(page.locator("main")).to_contain_text("1 after an edit")


def _add_endpoint(page: Page, server: OpenAI) -> None:
    page.goto(page.url.partition("/data/")[0] + "/endpoints/")
    page.get_by_label("Name", exact=True).fill("Big teacher")
    page.get_by_label("Model name").fill("big-1")
    page.get_by_label("Base URL").fill(server.url)
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Test Big teacher").click()
    expect(page.locator("main")).to_contain_text("It answered in")
    assert KEY not in page.content()
    _accessible(page)


def _accessible(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.violations_count == 0, found.generate_report()
