"""The Data pages by clicking: audit, rows, repair, mapping, mix, split, report, on files with planted defects."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import planted
from tests.browser.clicking import SECOND, WAIT, Data, Look, audited, falling, figure, press_split, tab, upload
from tests.browser.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.mark.slow
def test_findings_have_the_counts_that_were_planted(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    page.goto(data.version)
    lines = planted.SOUND + sum(planted.COPIES.values()) + sum(planted.ROWS.values())
    expect(figure(page, "Lines")).to_contain_text(str(lines))
    expect(figure(page, "Unusable")).to_contain_text(str(planted.UNUSABLE))
    expect(page.get_by_label("Readiness")).to_contain_text("Usable with repairs")
    look(page, "data-overview")

    tab(page, "Findings")
    findings = page.locator("section", has=page.locator("#findings-title"))
    for title, (count, surplus) in planted.FOUND.items():
        cells = findings.get_by_role("row", name=re.compile(f"^{title}"))
        expect(cells.get_by_role("cell").nth(1)).to_have_text(str(count))
        expect(cells.get_by_role("cell").nth(2)).to_have_text(surplus)
    look(page, "data-findings")
    findings.get_by_role("link", name="Rows", exact=True).click()
    expect(page).to_have_url(re.compile("sort="))

    tab(page, "Coverage")
    expect(page.locator("[data-cluster-map] .main-svg").first).to_be_visible()
    look(page, "data-coverage")
    for title in ("Lengths", "File"):
        tab(page, title)
        look(page, f"data-{title.lower()}")


def test_rows_are_found_tagged_and_a_finding_dismissed(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    page.goto(data.version + "?tab=findings")
    page.get_by_role("link", name="E-mail addresses").first.click()
    rows = page.get_by_role("article")
    expect(rows).to_have_count(planted.ROWS["pii_email"])
    expect(page.locator("main")).to_contain_text("@e***.com")
    expect(page.locator("main")).not_to_contain_text("example.com")
    look(page, "data-rows-finding")

    page.get_by_label("Finding", exact=True).select_option("")
    expect(rows).to_have_count(20)
    first = rows.first.get_attribute("aria-label") or ""
    page.get_by_label("Order", exact=True).select_option(label="Most tokens first")
    expect(rows.first).not_to_have_attribute("aria-label", first)
    assert falling(page.locator(".card-tools", has_text=" tokens").all_inner_texts())
    page.get_by_role("link", name=re.compile("^Next")).click()
    expect(page.locator("#list")).to_contain_text("21–40 of")
    page.get_by_label("Text in the row").fill("sonata")
    expect(page.locator(".filter", has_text="sonata")).to_be_visible()
    assert all("sonata" in text.lower() for text in rows.all_text_contents())
    page.get_by_text("More filters").click()
    page.get_by_label("At most").fill("60")
    expect(page.locator(".filter", has_text="60")).to_be_visible()
    page.goto(data.version + "rows/")

    row = rows.first
    row.get_by_text("Tag or note").click()
    row.get_by_label("Tags to add").fill("check twice")
    row.get_by_role("button", name="Save").click()
    expect(row.get_by_role("link", name="check twice")).to_be_visible()
    page.get_by_label("Select row 2", exact=True).check()
    page.get_by_label("Tag the selected rows").fill("check twice")
    page.wait_for_timeout(SECOND)  # longer than the filters wait: what is ticked must not be fetched anew
    expect(page.get_by_label("Select row 2", exact=True)).to_be_checked()
    page.get_by_role("button", name="Tag", exact=True).click()
    expect(rows.get_by_role("link", name="check twice")).to_have_count(2)
    page.goto(data.version + "rows/?tag=check+twice")
    expect(rows).to_have_count(2)
    look(page, "data-rows")

    page.goto(data.version + "?tab=findings")
    html = page.get_by_role("row", name=re.compile("^HTML in the text"))
    html.get_by_text("Accept or dismiss").click()
    html.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("Say why it is fine")).to_be_visible()
    html.get_by_text("Accept or dismiss").click()
    html.get_by_label("Note").fill("The answers are web pages.")
    html.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_label("Parts of the audit")).to_contain_text(f"Findings {len(planted.FOUND) - 1}")
    page.get_by_text("1 finding dismissed").click()
    expect(page.locator("main")).to_contain_text("The answers are web pages.")
    page.get_by_role("button", name="Count it again").click()
    expect(page.get_by_label("Parts of the audit")).to_contain_text(f"Findings {len(planted.FOUND)}")


def test_a_row_is_edited_in_a_new_version(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    page.goto(data.version + "rows/?finding=empty_answer")
    page.get_by_role("link", name=re.compile("^Edit")).first.click()
    look(page, "data-edit")
    answer = page.get_by_label("completion", exact=True).or_(page.get_by_label("Text of turn 2")).first
    save = page.get_by_role("button", name="Keep this change").first
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be used")
    answer.fill("The shop opens at nine.")
    save.click()
    page.wait_for_url(lambda url: "/edit/" not in url)
    page.goto(data.version + "changes/")
    expect(page.locator("main")).to_contain_text("The shop opens at nine.")
    look(page, "data-basket")
    page.get_by_role("button", name="Apply 1 change").click()
    audited(page, not_at=data.version)
    expect(figure(page, "Unusable")).to_contain_text(str(planted.UNUSABLE - 1))
    visitor.complaints[:] = [text for text in visitor.complaints if "422" not in text]


@pytest.mark.slow
def test_a_repair_is_previewed_and_leaves_no_finding_of_its_kinds(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    page.goto(data.version)
    page.get_by_role("link", name="Repair", exact=True).click()
    look(page, "data-repair")
    for title in ("Redact personal data", "Normalise text", "Remove duplicates"):
        page.get_by_role("checkbox", name=title).check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible(timeout=WAIT)
    value = ".figure-value"
    expect(figure(page, "Remove duplicates").locator(value)).to_have_text("10")
    expect(figure(page, "Redact personal data").locator(value)).to_have_text("9")
    # In a row with U+FFFD what stood there is lost, and no repair brings it back.
    lost = sum("\N{REPLACEMENT CHARACTER}" in str(row) for row in planted.rows())
    altered = sum(planted.ROWS[code] for code in ("mojibake", "zero_width", "template_in_content"))
    assert 0 < lost < planted.ROWS["mojibake"]
    expect(figure(page, "Normalise text").locator(value)).to_have_text(str(altered - lost))
    change = page.get_by_role("article", name=re.compile("changes$")).filter(has_text="[EMAIL]").first
    expect(change.locator("del, .diff-gone").first).to_contain_text("***")
    expect(page.locator("main")).not_to_contain_text("example.com")
    look(page, "data-preview")
    page.get_by_role("button", name="Apply in a new version").click()
    audited(page, not_at=data.version)
    tab(page, "Findings")
    findings = page.locator("section", has=page.locator("#findings-title"))
    for title in planted.MENDED:
        expect(findings).not_to_contain_text(title)
    near = findings.get_by_role("row", name=re.compile("^Near-duplicates")).get_by_role("cell")
    expect(near.nth(1)).to_have_text("10")
    broken = findings.get_by_role("row", name=re.compile("^Broken characters")).get_by_role("cell")
    expect(broken.nth(1)).to_have_text(str(lost))


@pytest.mark.slow
def test_a_conflict_is_decided_by_hand_and_undone(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    page.goto(data.version + "groups/conflicting_answers/")
    expect(page.locator("main")).to_contain_text("0 of 3 decided")
    look(page, "data-conflict")
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Keep this choice and go on").click()
    expect(page.locator("main")).to_contain_text("Group 2 of 3")
    page.wait_for_load_state()
    page.keyboard.press("k")
    expect(page.locator("main")).to_contain_text("Group 1 of 3")
    expect(page.get_by_role("radio").first).to_be_checked()
    page.get_by_role("button", name="Apply 1 decision").click()
    audited(page, not_at=data.version)
    tab(page, "Findings")
    cells = page.get_by_role("row", name=re.compile("^Same prompt, different answers")).get_by_role("cell")
    expect(cells.nth(1)).to_have_text("4")
    page.get_by_role("button", name="Go back to v1").click()
    current = page.locator(".lineage-line", has_text="Current")
    expect(current.locator("strong")).to_have_text("v1")
    look(page, "data-lineage")


@pytest.mark.slow
def test_columns_that_say_nothing_are_mapped(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    upload(page, data.url, planted.tickets_csv(data.files / "tickets.csv"))
    before = page.url
    page.get_by_role("link", name="Say what the columns are").click()
    preview = page.locator("section", has=page.locator("#trial-title"))
    page.get_by_label("prompt", exact=True).select_option("anliegen")
    page.get_by_label("completion", exact=True).select_option("erwiderung")
    expect(preview).to_contain_text("Of the first 120 rows 120 can be read.")
    expect(preview).to_contain_text("Can be read")
    look(page, "data-mapping")
    page.get_by_role("button", name="Make the new version").click()
    audited(page, not_at=before)
    expect(figure(page, "Usable")).to_contain_text("120")


@pytest.mark.slow
def test_a_mix_of_70_to_30_names_its_sources(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    upload(page, data.url, planted.general(data.files / "general.jsonl"))
    page.goto(data.version + "mix/")
    page.get_by_label("General rows").select_option(label="general v1")
    expect(page.locator("#choice")).to_contain_text("149 general rows")
    look(page, "data-mix")
    page.get_by_role("button", name="Make the mix").click()
    audited(page, not_at=data.version)
    expect(page.locator("main")).to_contain_text("general v1")
    look(page, "data-mixed")


@pytest.mark.slow
def test_splits_by_time_by_group_and_against_a_test_file(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    upload(page, data.url, planted.held_out(data.files / "exam.jsonl"))
    page.goto(data.version)
    page.get_by_role("link", name="Split by time, group or test file").click()
    page.get_by_role("link", name="By time").click()
    page.get_by_label("Column with the time").select_option("when")
    look(page, "data-split-new")
    press_split(page)
    expect(page.locator("main")).to_contain_text("By time: when")
    newest = page.locator("section", has=page.locator("#time-title")).get_by_role("row")
    ends = [row.inner_text().split("\t")[1:] for row in newest.all()[1:]]
    assert all(before[1] <= after[0] for before, after in pairwise(ends)), ends
    look(page, "data-split-time")

    page.goto(data.version + "split/?strategy=group")
    page.get_by_label(re.compile("^Column")).select_option("shop")
    press_split(page)
    expect(page.locator("main")).to_contain_text("each of its 15 values is on one side")

    page.goto(data.version + "split/?strategy=file")
    page.get_by_label("Test file", exact=True).select_option(label="exam v1")
    press_split(page)
    expect(page.locator("main")).to_contain_text(f"{planted.LEAKED} rows of orders v1 stand in the test file")
    look(page, "data-split-file")


def test_reports_and_exports_leave_masked(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    page.goto(data.version)
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as coming:
        page.get_by_role("link", name="Report, HTML").click()
    report = Path(coming.value.path()).read_text(encoding="utf-8")
    assert "Exact duplicates" in report and "E-mail addresses" in report
    assert "example.com" not in report and "AKIA1234567890" not in report
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|url\(|<script""", report), (
        "it must need nothing else"
    )

    page.goto(data.version)
    page.get_by_text("Download", exact=True).click()
    page.get_by_role("link", name=re.compile("OpenAI")).click()
    expect(page.locator("main")).to_contain_text("masked in this file")
    look(page, "data-export")
    with page.expect_download() as coming:
        page.get_by_role("link", name=re.compile("^Download")).click()
    lines = Path(coming.value.path()).read_text(encoding="utf-8").splitlines()
    usable = len(planted.rows()) - planted.UNUSABLE
    assert len(lines) == usable
    assert all("messages" in json.loads(line) for line in lines)
    assert not any("example.com" in line or "4111 1111" in line for line in lines)


@pytest.mark.slow
def test_an_audit_is_asked_for_again_with_held_out_data(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    if not (data.files / "exam.jsonl").exists():
        upload(page, data.url, planted.held_out(data.files / "exam.jsonl"))
    page.goto(data.version)
    page.get_by_text("Audit again").first.click()
    page.get_by_label("Cutoff length").fill("128")
    page.get_by_label("Held-out data").select_option(label="exam v1")
    look(page, "data-again")
    page.get_by_role("button", name="Audit again").click()
    expect(page.get_by_text("Cut at 128")).to_be_visible(timeout=WAIT)
    leaked = page.get_by_role("row", name=re.compile("^Rows of the test file")).get_by_role("cell")
    expect(leaked.last).to_have_text(str(planted.LEAKED))
    tab(page, "File")
    expect(page.locator("section", has=page.locator("#audits-title")).locator("tbody tr")).to_have_count(2)


@pytest.mark.slow
def test_a_long_audit_shows_its_progress_and_stops(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    page.goto(data.url)
    page.locator("[data-upload] input[type=file]").set_input_files(planted.long_file(data.files / "long.jsonl"))
    page.wait_for_url(re.compile(r"/versions/\d+/"), timeout=WAIT)
    progress = page.locator("#run-progress")
    expect(progress).to_contain_text("rows a second", timeout=WAIT)
    expect(progress).to_contain_text("MB of")
    look(page, "data-progress")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("main")).to_contain_text("Somebody stopped this", timeout=WAIT)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    look(page, "data-stopped")
