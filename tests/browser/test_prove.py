"""The whole of Evaluate by clicking: four systems on the same rows, the rows browsed, two people who review blind,
preference rows made of what they said, and a verdict with the gate that decided."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.clicking import SECOND
from tests.browser.conftest import Site, Visitor
from tests.browser.test_methods import accessible, chats, file_of, launch, project_with

__all__ = ["file_of"]  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(2400)]

Picture = Callable[[Page, str], None]
SECOND_PERSON = "ida"
ROWS = 6
WORDS = "A lamp, "
"""What a careful person prefers: the answers of the system that was shown examples."""


def test_four_systems_are_judged_by_figures_and_by_two_people(
    site: Site,
    browser: Browser,
    visitor: Visitor,
    file_of: Callable[[list[dict[str, Any]]], Path],
    picture: Picture,
) -> None:
    page = visitor.page
    project_with(page, "Shelves", file_of(chats(160)))
    launch(page)
    project = re.sub(r"(/projects/\d+/).*", r"\1", page.url)
    evaluation = _evaluate_four(page, project, picture)
    _browse(page, evaluation, picture)
    link = _second_person(page, project)
    page.goto(evaluation)
    page.get_by_role("link", name="Start a blind review").click()
    _start_review(page)
    review = page.url
    _decide(page, review)
    context = browser.new_context(base_url=site.url)
    context.set_default_timeout(30 * SECOND)
    other = context.new_page()
    other.goto(link)
    _decide(other, review)
    context.close()
    _preference_rows(page, review)
    _decide_again(page, evaluation, picture)


def _evaluate_four(page: Page, project: str, picture: Picture) -> str:
    page.goto(f"{project}evaluate/")
    page.get_by_role("link", name="New evaluation").first.click()
    page.get_by_label("Add a system").select_option(label="Another prompt")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("group", name="Another prompt").get_by_label("System prompt").fill("Say what stands there.")
    page.get_by_role("group", name="Few-shot").get_by_label("Examples").fill("2")
    for suite in page.get_by_role("group", name=re.compile("Probe suites")).get_by_role("checkbox").all():
        suite.uncheck()
    expect(page.locator("#preview")).to_contain_text(re.compile(r"Systems\s*4"))
    expect(page.locator("#preview")).to_contain_text("points (80 % power)")
    picture(page, "evaluation-new")
    accessible(page)
    page.get_by_role("button", name="Start the evaluation").click()
    verdict = page.get_by_role("region", name="Verdict")
    expect(verdict).to_be_visible(timeout=900 * SECOND)
    expect(verdict).to_contain_text("+ 2 examples is better than")
    expect(verdict).to_contain_text("Not enough evidence to ship")
    expect(
        page.get_by_role("table", name=re.compile("^Each measure of each system")).locator("thead th")
    ).to_have_count(5)
    picture(page, "evaluation-four")
    accessible(page)
    return page.url


def _browse(page: Page, evaluation: str, picture: Picture) -> None:
    """Row by row: a filter, the next row by key, a system hidden, one row by itself."""
    page.get_by_role("link", name="Compare row by row").click()
    page.get_by_role("link", name=re.compile("^Wins")).click()
    expect(page.locator("[data-row]").first).to_contain_text("Win")
    page.keyboard.press("j")
    page.keyboard.press("4")
    expect(page.locator('[data-row] [data-system="4"]').first).to_be_hidden()
    page.locator("[data-row] h3 a").first.click()
    expect(page).to_have_url(re.compile(r"/compare/rows/\d+/"))
    expect(page.locator("main")).to_contain_text(WORDS)
    picture(page, "compare-row")


def _second_person(page: Page, project: str) -> str:
    """A link for somebody new, who is made a member of the project."""
    page.goto("/people/")
    page.get_by_label("Name").fill(SECOND_PERSON)
    page.get_by_role("button", name="Add and make a link").click()
    link = page.locator("pre.code code").inner_text().strip()
    page.goto(f"{project}settings/")
    people = page.get_by_role("region", name="People")
    people.get_by_label("Name").fill(SECOND_PERSON)
    people.get_by_label("Role").select_option("member")
    people.get_by_role("button", name="Add or change role").click()
    expect(page.locator("main")).to_contain_text(f"{SECOND_PERSON} is now member of this project")
    return link


def _start_review(page: Page) -> None:
    compared = page.get_by_role("group", name="Systems to compare")
    for box in compared.get_by_role("checkbox").all():
        box.uncheck()
    compared.get_by_label(re.compile("baseline prompt")).check()
    compared.get_by_label(re.compile("2 examples")).check()
    page.get_by_label("Rows", exact=True).fill(str(ROWS))
    page.get_by_label(SECOND_PERSON).check()
    page.get_by_role("button", name="Start the review").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Blind review")


def _decide(page: Page, review: str) -> None:
    """Every item by key, then the end."""
    page.goto(review)
    page.get_by_role("link", name=re.compile("^(Begin|Go on)")).click()
    page.wait_for_load_state()  # the keys are there with the scripts
    for number in range(1, ROWS + 1):
        expect(page.locator("[data-item-title]")).to_have_text(f"Item {number} of {ROWS}")
        first = page.get_by_role("group", name="Answer 1").inner_text()
        page.keyboard.press("1" if WORDS in first else "2")
    page.get_by_role("button", name="Finish and see the results").click()
    expect(page.get_by_role("heading", name="Each reviewer")).to_be_visible()


def _preference_rows(page: Page, review: str) -> None:
    page.goto(f"{review}results/")
    expect(page.locator(".verdict")).to_contain_text(f"on {ROWS} of {ROWS} rows")
    expect(page.locator(".figures")).to_contain_text("Cohen's kappa")
    page.get_by_role("button", name=f"Make {ROWS} preference rows").click()
    page.wait_for_url(re.compile(r"/versions/\d+/"), timeout=120 * SECOND)
    expect(page.locator("main")).to_contain_text("cannot be judged on them again")


def _decide_again(page: Page, evaluation: str, picture: Picture) -> None:
    """Gates that the project can meet with 16 rows; the new verdict stands beside the old one."""
    page.goto(evaluation)
    page.get_by_role("link", name="Gates of this project").click()
    page.get_by_label(re.compile("Fewest rows")).fill("10")
    page.get_by_role("button", name="Save the gates").click()
    page.goto(evaluation)
    page.get_by_role("button", name=re.compile("^Decide again")).click()
    expect(page.get_by_role("region", name="Verdict")).to_contain_text(
        re.compile(r"Ship .* \+ 2 examples\. Minimum gain")
    )
    expect(page.locator("main")).to_contain_text("Verdicts before this one")
    picture(page, "evaluation-ship")
