"""The main job by clicking: from nothing to a finished comparison, on the sample and on a file of one's own."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from engine.samples import load
from tests.browser.conftest import Site, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(4200)]

SECOND = 1000
Picture = Callable[[Page, str], None]


@pytest.mark.slow
def test_a_newcomer_reaches_a_finished_comparison_on_the_sample(
    site: Site, visitor: Visitor, signed_in: BrowserContext, picture: Picture
) -> None:
    page = visitor.page
    page.goto("/")
    picture(page, "home-empty")
    page.get_by_role("button", name="Try the sample").click()

    repair = page.get_by_role("button", name="Remove exact duplicates and unusable rows")
    expect(repair).to_be_visible(timeout=60 * SECOND)
    expect(page.get_by_text("E-mail addresses")).to_be_visible()
    expect(page.get_by_role("link", name="Rows of the test file")).to_be_visible()
    picture(page, "audit")
    _accessible(page)
    page.get_by_role("link", name="Malformed lines").click()
    expect(page.get_by_role("heading", name="Rows of tickets v1")).to_be_visible()
    for line in load("support_tickets").planted["tickets.jsonl"]["malformed_json"]:
        expect(page.locator("main")).to_contain_text(str(line))
    picture(page, "rows")
    page.go_back()
    repair.click()
    page.get_by_role("button", name="Apply in a new version").click()

    split = page.get_by_role("button", name="Split and go on to training")
    expect(split).to_be_visible(timeout=60 * SECOND)
    expect(page.get_by_role("heading", level=1)).to_contain_text("v2")
    split.click()

    expect(page.locator("#preview")).to_contain_text("Ready", timeout=60 * SECOND)
    expect(page.locator("#preview")).to_contain_text("Trainable")
    picture(page, "launch")
    _accessible(page)
    page.get_by_role("button", name="Start the run").click()

    _watch_it_move(page)
    picture(page, "run-live")
    _accessible(page)
    run_url = page.url
    _survives_a_closed_window_and_a_killed_web_process(site, visitor, signed_in, run_url)

    evaluate = page.get_by_role("button", name=re.compile("Evaluate against the baseline"))
    expect(evaluate).to_be_visible(timeout=1800 * SECOND)
    picture(page, "run")
    evaluate.click()

    verdict = page.get_by_label("Verdict")
    expect(verdict).to_be_visible(timeout=1200 * SECOND)
    expect(verdict).to_contain_text("is better than")
    picture(page, "evaluation")
    _accessible(page)
    _better_with_p_below_5_percent(page, "Exact match")
    _better_with_p_below_5_percent(page, "Valid JSON")

    page.get_by_role("link", name="Compare row by row").click()
    expect(page.get_by_label("Verdict")).to_contain_text("is better than")
    page.get_by_role("link", name=re.compile("^Wins")).click()
    expect(page.locator("[data-row]").first).to_be_visible()
    picture(page, "compare")
    _accessible(page)
    page.keyboard.press("j")
    expect(page.locator("[data-row].is-current")).to_have_count(1)
    page.keyboard.press("1")
    expect(page.locator("[data-system='1']").first).to_be_hidden()
    page.keyboard.press("1")

    page.goto("/")
    expect(page.get_by_role("link", name="Support tickets to JSON")).to_be_visible()
    picture(page, "home")
    for name in ("queue", "models"):
        page.goto(f"/{name}/")
        picture(page, name)


def test_a_file_of_ones_own_is_uploaded_audited_and_trained(
    visitor: Visitor, public_data: Path, tmp_path: Path, picture: Picture
) -> None:
    rows = json.loads((public_data / "llamafactory" / "alpaca_en_demo.json").read_text(encoding="utf-8"))
    file = tmp_path / "alpaca.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    page = visitor.page
    page.goto("/projects/new/")
    page.get_by_label("Name").fill("Instructions")
    page.get_by_label(re.compile("What the model should do", re.I)).fill("Follow an instruction.")
    page.get_by_label(re.compile("Task type", re.I)).select_option("text")
    page.get_by_role("button", name="Make the project").click()
    picture(page, "data-empty")
    page.locator("[data-upload] input[type=file]").set_input_files(file)

    page.wait_for_url(re.compile(r"/versions/\d+/"), timeout=60 * SECOND)
    expect(page.get_by_text("14 surplus copies")).to_be_visible(timeout=60 * SECOND)
    finding = page.get_by_role("row", name=re.compile("Exact duplicates")).first
    expect(finding.get_by_role("cell", name="27", exact=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("Remove exact duplicates")).click()
    page.get_by_role("button", name="Apply in a new version").click()
    page.get_by_text("Split with other shares").click(timeout=60 * SECOND)
    for name, share in (("Train", "96"), ("Validation", "2"), ("Test", "2")):
        page.get_by_label(name, exact=True).fill(share)
    page.get_by_role("button", name="Split", exact=True).click()
    train = page.locator(".head-actions").get_by_role("link", name="Train")
    expect(train).to_be_visible(timeout=60 * SECOND)
    picture(page, "split")
    train.click()
    page.locator("#advanced > summary").click()
    page.locator("#id_max_steps").fill("2")
    page.get_by_label("Cutoff length").fill("128")
    # Measuring takes most of a run of two steps; the other path measures.
    page.get_by_label("Task metric while training").select_option(label="Not measured")
    page.get_by_label("General", exact=True).uncheck()
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("button", name="Evaluate against the baseline")).to_be_visible(timeout=1800 * SECOND)


def _watch_it_move(page: Page) -> None:
    """Progress, loss and forgetting arrive in the page by themselves: it is never loaded again."""
    page.evaluate("window.notReloaded = true")
    state = page.locator("#run-state")
    expect(state).to_contain_text(re.compile(r"[1-9]\d* of \d+"), timeout=300 * SECOND)
    page.get_by_text("Values as a table").click()
    expect(page.locator("#run-chart .chart-table tbody tr").nth(2)).to_be_visible(timeout=300 * SECOND)
    assert page.evaluate("window.notReloaded") is True
    page.get_by_text("Values as a table").click()


def _survives_a_closed_window_and_a_killed_web_process(
    site: Site, visitor: Visitor, context: BrowserContext, run_url: str
) -> None:
    """A second viewer sees the run; the web process is killed; the run goes on and the page catches up."""
    second = context.new_page()
    second.goto(run_url)
    expect(second.locator("#run-state")).to_contain_text("Running", timeout=30 * SECOND)
    second.close()
    before = _step(visitor.page)
    os.kill(_web_process(site), signal.SIGKILL)
    deadline = time.monotonic() + 120
    while _step(visitor.page) <= before:
        assert time.monotonic() < deadline, "the page never caught up after the web process was killed"
        visitor.page.wait_for_timeout(500)
    # The broken stream is the browser's to report; everything else must stay silent.
    visitor.complaints[:] = [text for text in visitor.complaints if "ERR_" not in text and "502" not in text]


def _step(page: Page) -> int:
    found = re.search(r"(\d+) of \d+", page.locator("#run-state").inner_text().replace(",", ""))
    return int(found.group(1)) if found else 0


def _web_process(site: Site) -> int:
    for child in psutil.Process(site.launcher.pid).children(recursive=True):
        if "workbench.launcher.web" in " ".join(child.cmdline()):
            return child.pid
    raise AssertionError("there is no web process")


def _better_with_p_below_5_percent(page: Page, measure: str) -> None:
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile(f"^{measure}")))
    expect(row.first).to_contain_text("Better")
    p = row.first.get_by_role("cell").nth(4).inner_text()
    assert p == "< 0.001" or float(p) < 0.05, f"{measure}: p {p}"


def _accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    serious = [(v["id"], n["html"][:160]) for v in found if v["impact"] in ("serious", "critical") for n in v["nodes"]]
    assert serious == [], page.url
