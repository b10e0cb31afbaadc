"""Two people review blind, by keys and without a script; the results; preference rows; a version that leads to DPO."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.clicking import SECOND, Look
from tests.browser.conftest import Site, Visitor
from tests.browser.reviewed import LOOKED_AT, ROWS, SECOND_PERSON
from tests.home import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
NAMES = re.compile("SmolLM2 as it is|tickets-v3, step 75")


def _run(site: Site, *argv: str) -> str:
    made = subprocess.run([sys.executable, *argv], cwd=ROOT, env=site.environment(), capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return made.stdout.split()[-1]


@pytest.fixture(scope="module")
def evaluation(site: Site, signed_in: BrowserContext) -> str:
    return _run(site, "-m", "tests.browser.reviewed")


@pytest.fixture
def other(browser: Browser, site: Site, evaluation: str) -> Iterator[Page]:
    """The second person, whose browser runs no script."""
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    context.set_default_timeout(30 * SECOND)
    page = context.new_page()
    page.goto(_run(site, "manage.py", "signin_link", SECOND_PERSON))
    yield page
    context.close()


def better(page: Page) -> str:
    """Which place has the answer that is JSON alone: what a careful person would choose."""
    return "2" if "Sure!" in page.get_by_role("group", name="Answer 1").inner_text() else "1"


def test_two_people_review_and_their_decisions_lead_to_dpo(
    site: Site, visitor: Visitor, other: Page, evaluation: str, look: Look
) -> None:
    page = visitor.page
    page.goto(evaluation)
    page.get_by_role("link", name="Start a blind review").click()
    page.get_by_label(SECOND_PERSON).check()
    page.get_by_label("Rows", exact=True).fill(str(ROWS))
    page.get_by_label("Instructions").fill("Prefer what a program can read.")
    look(page, "review-new")
    page.get_by_role("button", name="Start the review").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Blind review")
    review = page.url
    _run(site, "-m", "tests.browser.reviewed", "decide")
    page.get_by_role("link", name="Begin").click()
    _by_keys(page, look)
    page.get_by_role("button", name="Finish and see the results").click()
    expect(page.get_by_role("heading", name="Each reviewer")).to_be_visible()

    other.goto(f"{review}results/")
    expect(other.locator("main")).to_contain_text("Not open to you yet")
    _without_script(other, review)
    expect(other.get_by_role("heading", name="Each reviewer")).to_be_visible()

    page.reload()
    main = page.locator("main")
    expect(main).to_contain_text("tickets-v3, step 75 100.0 %")
    expect(page.locator(".figures")).to_contain_text("Cohen's kappa")
    make = page.get_by_role("button", name=re.compile("^Make [0-9]+ preference rows$"))
    made = int(re.sub(r"\D", "", make.inner_text()))
    # One tie and one decision for the other system, by two people: on one row or on two.
    assert ROWS - made in (1, 2)
    expect(page.locator(".verdict")).to_contain_text(f"preferred to SmolLM2 as it is on {made} of {made} rows")
    expect(main).to_contain_text("“a program reads it”")
    expect(main).to_contain_text(f"{made} rows from {made} of {ROWS} reviewed rows; {ROWS - made} left out")
    look(page, "review-results")
    make.click()
    _to_dpo(page, look)


def _by_keys(page: Page, look: Look) -> None:
    """Item 1 with a comment, one back and changed, one tie, the rest by key; nothing on the way has a name."""
    title = page.locator("[data-item-title]")
    look(page, "review-item")
    bar = page.locator(".blind-bar").bounding_box()
    page.keyboard.press("c")
    page.keyboard.type("a program reads it")
    page.keyboard.press("Escape")
    page.keyboard.press("3" if better(page) == "1" else "9")  # no such answer: nothing happens
    expect(title).to_have_text(f"Item 1 of {ROWS}")
    page.keyboard.press(better(page))
    expect(title).to_have_text(f"Item 2 of {ROWS}")
    assert page.url.endswith("/2/")
    assert page.locator(".blind-bar").bounding_box() == bar, "the buttons stay where they are"
    page.keyboard.press("0")
    expect(title).to_have_text(f"Item 3 of {ROWS}")
    page.keyboard.press("p")
    expect(page.locator(".blind-head")).to_contain_text("Neither")
    page.keyboard.press("=")
    expect(title).to_have_text(f"Item 3 of {ROWS}")
    page.reload()
    for number in range(3, LOOKED_AT + 1):
        expect(title).to_have_text(f"Item {number} of {ROWS}")
        assert not NAMES.search(page.content())
        page.keyboard.press(better(page))
    expect(page.locator("main")).to_contain_text(f"All {ROWS} items are decided")


def _without_script(other: Page, review: str) -> None:
    """The same rows by buttons, the first item judged the other way round."""
    other.goto(review)
    other.get_by_role("link", name="Go on with item 1").click()
    for number in range(1, LOOKED_AT + 1):
        expect(other.locator("[data-item-title]")).to_have_text(f"Item {number} of {ROWS}")
        choice = better(other)
        if number == 1:
            choice = "1" if choice == "2" else "2"
        other.get_by_role("button", name=f"Answer {choice} is better").click()
    other.get_by_role("button", name="Finish and see the results").click()


def _to_dpo(page: Page, look: Look) -> None:
    split = page.get_by_role("button", name="Split and go on to training")
    expect(split).to_be_visible(timeout=120 * SECOND)
    expect(page.locator("main")).to_contain_text("cannot be judged on them again")
    look(page, "review-preferences")
    split.click()
    expect(page.locator("#preview")).to_be_visible(timeout=120 * SECOND)
    expect(page.locator("[name=method]:checked, select[name=method]").first).to_have_value("dpo")
