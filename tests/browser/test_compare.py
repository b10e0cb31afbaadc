"""Comparing six systems by clicking and by keys: filters, orders, one row, notes, files; light, dark, on a phone."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.clicking import Look
from tests.browser.conftest import Site, Visitor
from tests.home import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def compare(site: Site) -> Iterator[str]:
    """The address of the compare page of a finished evaluation: 24 rows, six systems."""
    argv = [sys.executable, "-m", "tests.browser.compared"]
    made = subprocess.run(argv, cwd=ROOT, env=site.environment(), capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    yield f"{made.stdout.split()[-1]}compare/"


def test_rows_are_walked_hidden_and_filtered_by_keys(visitor: Visitor, compare: str, look: Look) -> None:
    page = visitor.page
    page.goto(compare)
    expect(page.locator("[data-row]")).to_have_count(10)
    look(page, "compare-six")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("[data-row].is-current")).to_have_id("row-2")
    page.keyboard.press("k")
    expect(page.locator("[data-row].is-current")).to_have_id("row-1")
    page.keyboard.press("3")
    expect(page.locator("#row-1 [data-system='3']")).to_be_hidden()
    page.keyboard.press("f")
    expect(page).to_have_url(re.compile("show=wins"))
    expect(page.locator("#row-2 [data-system='3']")).to_be_hidden()
    page.keyboard.press("3")
    expect(page.locator("#row-2 [data-system='3']")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Losses 2$")).click()
    expect(page.locator("[data-row]")).to_have_count(2)
    expect(page.locator("#row-5 [data-system='2']")).to_contain_text("Invalid format")
    for name, count in (("Regressions", 2), ("Invalid format", 3), ("Refusals", 0)):
        page.get_by_role("link", name=re.compile(f"^{name}")).click()
        expect(page.locator("[data-row]")).to_have_count(count)
    page.goto(f"{compare}?candidate=larger&show=failed")
    expect(page.locator("#row-6 [data-system='5']")).to_contain_text("The endpoint answered 503")


def test_prompt_and_reference_stay_in_view_while_outputs_scroll(visitor: Visitor, compare: str) -> None:
    page = visitor.page
    page.goto(compare)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 700})
        page.locator("#row-7").evaluate("(row) => window.scrollTo(0, row.offsetTop + row.offsetHeight - 600)")
        page.wait_for_timeout(100)
        given = page.locator("#row-7 .compare-given")
        expect(given).to_be_in_viewport(ratio=0.3)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_what_is_compared_is_chosen_and_stands_in_the_address(visitor: Visitor, compare: str) -> None:
    page = visitor.page
    page.goto(compare)
    page.get_by_text("What is compared").click()
    page.get_by_label("Candidate", exact=True).select_option("few")
    page.get_by_label("Mark words against").select_option("tuned")
    page.get_by_label("Slice").select_option("label:refund")
    page.get_by_role("checkbox", name="Always {}").uncheck()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("main")).to_contain_text("SmolLM2 135M + 4 examples against SmolLM2 135M + baseline prompt")
    expect(page.locator("[data-row]")).to_have_count(8)
    expect(page.locator("#row-1 [data-system]")).to_have_count(5)
    expect(page.locator("#row-1 [data-system='3'] ins").first).to_be_visible()
    page.get_by_role("link", name="Take away: Label: refund").click()
    expect(page.locator("main")).to_contain_text("1–10 of 24")
    page.get_by_role("link", name="Random", exact=True).click()
    first = page.locator("[data-row]").evaluate_all("(rows) => rows.map((row) => row.id)")
    page.reload()
    assert page.locator("[data-row]").evaluate_all("(rows) => rows.map((row) => row.id)") == first
    page.get_by_role("link", name=re.compile("Draw again")).click()
    expect(page).to_have_url(re.compile("seed=2"))
    assert page.locator("[data-row]").evaluate_all("(rows) => rows.map((row) => row.id)") != first


def test_one_row_is_shown_whole_and_leads_on(visitor: Visitor, compare: str, look: Look) -> None:
    page = visitor.page
    page.goto(f"{compare}?show=losses")
    page.get_by_role("link", name="Row 5", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Row 5")
    expect(page.locator("main")).to_contain_text("1 of 2: Losses, in order")
    look(page, "compare-row")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text("Row 13")
    page.keyboard.press("k")
    expect(page.get_by_role("heading", level=1)).to_have_text("Row 5")
    page.get_by_text("1 retrieved passage").click()
    expect(page.get_by_text("Lamps are taken back within 30 days.")).to_be_visible()


def test_notes_and_tags_are_left_without_losing_the_place(visitor: Visitor, compare: str) -> None:
    page = visitor.page
    page.goto(compare)
    row = page.locator("#row-3")
    row.get_by_text("Note or tag").click()
    row.get_by_label("Note", exact=True).fill("Refuses a harmless ticket.")
    page.keyboard.press("j")
    expect(row.get_by_label("Note", exact=True)).to_have_value("Refuses a harmless ticket.j")
    row.get_by_role("button", name="Add note").click()
    expect(row.locator(".row-said")).to_contain_text("Refuses a harmless ticket.j")
    row.get_by_text("Note or tag").click()
    row.get_by_label("Tags to add").fill("refused")
    row.get_by_role("button", name="Tag", exact=True).click()
    row.get_by_role("link", name="refused").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    page.goto(compare)
    page.get_by_role("link", name=re.compile("With note 1")).click()
    page.get_by_role("button", name="Remove the note of").click()
    expect(page.locator(".row-said")).to_have_count(0)


@pytest.mark.slow
def test_figures_are_drawn_as_bars_with_intervals_or_as_a_radar(visitor: Visitor, compare: str, look: Look) -> None:
    page = visitor.page
    page.goto(compare)
    page.locator("#summary-chart > summary").click()
    plot = page.locator("#summary-chart .chart-plot")
    expect(plot.locator(".barlayer .point").first).to_be_visible()
    drawn = plot.evaluate("(plot) => plot.data.map((t) => [t.type, t.y.length, t.error_y.array.length])")
    assert len(drawn) >= 5 and all(kind == "bar" and n == m == 6 for kind, n, m in drawn)
    look(page, "compare-chart")
    page.get_by_label("Radar").check()
    expect(page.locator("[data-chart-note]")).to_contain_text("no room for intervals")
    look(page, "compare-radar")


def test_files_hold_the_rows_of_the_filter(visitor: Visitor, compare: str) -> None:
    page = visitor.page
    page.goto(f"{compare}?show=losses")
    for name in ("HTML", "JSON", "CSV"):
        page.locator("summary", has_text="Export").click()
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile(f"^{name}")).click()
        page.keyboard.press("Escape")
        file = download.value.path()
        if name == "CSV":
            with file.open(newline="") as lines:
                assert len(list(csv.DictReader(lines))) == 2 * 6
        if name == "HTML":
            _opens_offline(page, file.read_text())


def _opens_offline(page: Page, html: str) -> None:
    asked: list[str] = []
    alone = page.context.new_page()
    alone.on("request", lambda request: asked.append(request.url))
    alone.set_content(html)
    expect(alone.locator("article")).to_have_count(2)
    assert asked == []
    alone.close()
