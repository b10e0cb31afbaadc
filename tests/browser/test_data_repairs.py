"""What the Data pages do by clicking, the rest of it: every operation, every file that comes in or goes out."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import planted
from tests.browser.clicking import WAIT, Data, Look, audited, figure, tab, upload
from tests.browser.conftest import Visitor
from tests.engine.data.planted import base, clean, write

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]


def repair(page: Page, version: str, title: str) -> str:
    """Opens the repair page, chooses one operation, looks at its preview; gives what stands there."""
    page.goto(version + "repair/")
    page.get_by_role("checkbox", name=title, exact=True).check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible(timeout=WAIT)
    return page.locator("#choose").inner_text()


def apply(page: Page, version: str) -> None:
    page.get_by_role("button", name="Apply in a new version").click()
    audited(page, not_at=version)


def download(page: Page, version: str, link: str) -> str:
    page.goto(version)
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as coming:
        page.get_by_role("link", name=link).click()
    return Path(coming.value.path()).read_text(encoding="utf-8")


def test_classes_are_balanced_and_packed_files_come_in(visitor: Visitor, data: Data) -> None:
    page = visitor.page
    chance = random.Random(2)
    rows = [{"text": base(chance)[0], "label": "refund" if n % 5 else "praise"} for n in range(200)]
    packed = data.files / "classes.jsonl.gz"
    packed.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    version = upload(page, data.url, packed)
    expect(figure(page, "Usable")).to_contain_text("200")
    tab(page, "Lengths")
    expect(page.get_by_role("row", name=re.compile("^praise"))).to_contain_text("40")
    assert "120" in repair(page, version, "Balance classes")
    apply(page, version)
    expect(figure(page, "Usable")).to_contain_text("80")


def test_a_parquet_table_comes_in(visitor: Visitor, data: Data) -> None:
    import pyarrow
    import pyarrow.parquet

    chance = random.Random(4)
    asked, said = zip(*(base(chance) for _ in range(60)), strict=True)
    table = pyarrow.table({"prompt": list(asked), "completion": list(said)})
    pyarrow.parquet.write_table(table, data.files / "table.parquet")
    upload(visitor.page, data.url, data.files / "table.parquet")
    expect(figure(visitor.page, "Usable")).to_contain_text("60")


def test_roles_are_fixed_and_long_rows_are_shortened(visitor: Visitor, data: Data) -> None:
    page = visitor.page
    chance = random.Random(6)

    def turns(*said: tuple[str, str]) -> dict[str, object]:
        return {"messages": [{"role": role, "content": text} for role, text in said]}

    rows = [*clean(40, 6)]
    for _ in range(5):
        asked, answer = base(chance)
        rows.append(turns(("user", asked), ("assistant", answer), ("user", "And then?")))
    for _ in range(3):
        long = " ".join(base(chance)[0] for _ in range(80))
        rows.append(turns(("user", long), ("assistant", "It depends.")))
    version = upload(page, data.url, write(data.files / "turns.jsonl", rows))
    tab(page, "Findings")
    expect(page.locator("section", has=page.locator("#findings-title"))).to_contain_text("Ends without an answer")
    shown = repair(page, version, "Put turns in order")
    assert "And then?" in shown
    apply(page, version)
    fixed = page.url
    tab(page, "Findings")
    expect(page.locator("section", has=page.locator("#findings-title"))).not_to_contain_text("Ends without an answer")
    page.goto(fixed + "repair/?op=shorten")
    page.get_by_label("Longest row").fill("256")
    expect(page.get_by_label("Base model")).to_be_visible()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible(timeout=WAIT)
    apply(page, fixed)
    page.goto(page.url + "rows/?sort=-tokens")
    longest = page.locator(".card-tools", has_text=" tokens").first.inner_text()
    assert int(re.sub(r"\D", "", longest.split("·")[-1])) <= 256


def test_conflicts_are_resolved_by_rule_and_a_finding_is_dropped(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    assert "3" in repair(page, data.version, "Resolve conflicting answers")
    apply(page, data.version)
    tab(page, "Findings")
    findings = page.locator("section", has=page.locator("#findings-title"))
    expect(findings).not_to_contain_text("Same prompt, different answers")
    before = page.url.partition("?")[0]
    findings.get_by_role("link", name="Malformed lines", exact=True).click()
    page.get_by_role("button", name=re.compile("Remove these 3 rows")).click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("article", name=re.compile("goes$"))).to_have_count(3)
    look(page, "data-remove")
    apply(page, before)
    expect(figure(page, "Unusable")).to_contain_text(str(planted.UNUSABLE - 3))


def test_near_duplicates_are_reviewed_group_by_group(visitor: Visitor, data: Data) -> None:
    page = visitor.page
    page.goto(data.version + "groups/near_duplicate/")
    expect(page.locator("main")).to_contain_text("0 of 5 decided")
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Keep this choice and go on").click()
    expect(page.locator("main")).to_contain_text("Group 2 of 5")
    page.get_by_label("Skip: leave all of them").check()
    page.get_by_role("button", name="Keep this choice and go on").click()
    page.get_by_role("button", name="Apply 2 decisions").click()
    audited(page, not_at=data.version)
    expect(figure(page, "Lines")).to_contain_text(str(len(planted.rows()) - 1))


def test_rows_are_fine_dropped_and_mended(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    page.goto(data.version + "rows/?finding=refusal_boilerplate")
    rows = page.get_by_role("article")
    rows.first.get_by_role("button", name="This row is fine").click()
    expect(page.get_by_text("dismissed here")).to_have_count(1)
    page.goto(data.version + "?tab=findings")
    cells = page.get_by_role("row", name=re.compile("^Refusals and boilerplate")).get_by_role("cell")
    expect(cells.nth(1)).to_have_text(str(planted.ROWS["refusal_boilerplate"] - 1))

    page.goto(data.version + "rows/?show=unusable")
    expect(page.get_by_text(re.compile(r"Byte [\d,. ]+, kind: ")).first).to_be_visible()
    look(page, "data-unusable")
    page.get_by_role("link", name=re.compile("^Mend this line")).first.click()
    page.get_by_label("One JSON object").fill('{"prompt": "When does the shop open?", "completion": "At nine."}')
    look(page, "data-mend")
    page.get_by_role("button", name="Keep this change").click()
    expect(page.locator("main")).to_contain_text("When does the shop open?")
    page.get_by_role("button", name="Apply 1 change").click()
    audited(page, not_at=data.version)
    expect(figure(page, "Unusable")).to_contain_text(str(planted.UNUSABLE - 1))
    mended = page.url

    page.goto(mended + "rows/?finding=html_markup")
    for box in page.get_by_role("checkbox", name=re.compile("^Select row")).all():
        box.check()
    page.get_by_role("button", name="Drop rows: preview").click()
    expect(page.get_by_role("article", name=re.compile("goes$"))).to_have_count(planted.ROWS["html_markup"])
    apply(page, mended)
    tab(page, "Findings")
    expect(page.locator("section", has=page.locator("#findings-title"))).not_to_contain_text("HTML in the text")


def test_real_prompts_are_compared_and_the_map_is_clicked(visitor: Visitor, data: Data, look: Look) -> None:
    page = visitor.page
    asked = [f"How do I renew my library card number {n}, and what does a late book cost?" for n in range(60)]
    asked += [row["messages"][0]["content"] for row in clean(60, 11)]
    upload(page, data.url, write(data.files / "traffic.jsonl", [{"prompt": text, "completion": "x"} for text in asked]))
    page.goto(data.version)
    page.get_by_text("Audit again").first.click()
    page.get_by_label("Sample of real prompts").select_option(label="traffic v1")
    page.get_by_role("button", name="Audit again").click()
    expect(page.locator("#run-progress")).to_be_visible(timeout=WAIT)
    expect(page.locator("#run-progress")).to_have_count(0, timeout=2 * WAIT)
    tab(page, "Coverage")
    expect(page.locator("main")).to_contain_text("real prompts of traffic v1")
    missing = page.get_by_role("row", name=re.compile("library")).filter(has_text="Missing here")
    expect(missing.get_by_role("link").last).to_be_visible()
    look(page, "data-production")
    missing.get_by_role("link").last.click()
    expect(page.locator("main")).to_contain_text("library card")
    expect(page.get_by_role("article")).to_have_count(1)
    page.go_back()
    point = page.locator("[data-cluster-map] .scatterlayer .point").first
    expect(point).to_be_visible()
    # The points lie below plotly's drag layer, which takes the click in their place.
    box = point.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile(r"rows/\?cluster=\d+"))
    expect(page.get_by_role("article").first).to_be_visible()


def test_rows_leave_in_every_form_and_findings_as_tables(visitor: Visitor, data: Data) -> None:
    page = visitor.page
    usable = len(planted.rows()) - planted.UNUSABLE
    for title, column in (
        ("ShareGPT", "conversations"),
        ("Alpaca", "instruction"),
        ("TRL", "messages"),
        ("CSV", "answer"),
    ):
        page.goto(data.version)
        page.get_by_text("Download", exact=True).click()
        page.get_by_role("link", name=re.compile(f"^{title}")).click()
        with page.expect_download() as coming:
            page.get_by_role("link", name=re.compile("^Download")).first.click()
        text = Path(coming.value.path()).read_bytes().decode()
        assert "example.com" not in text, "personal data leaves masked"
        rows = (
            list(csv.DictReader(io.StringIO(text)))
            if title == "CSV"
            else [json.loads(row) for row in text.splitlines()]
        )
        assert len(rows) == usable and all(column in row for row in rows)
    report = json.loads(download(page, data.version, "Report, JSON"))
    assert report["rows"]["usable"] == usable and len(report["unusable"]) == planted.UNUSABLE
    page.goto(data.version + "?tab=findings")
    for link, count in (("Unusable lines, CSV", planted.UNUSABLE), ("CSV", len(report["findings"]))):
        with page.expect_download() as coming:
            page.locator("section", has=page.locator("#findings-title")).get_by_role(
                "link", name=link, exact=True
            ).click()
        table = Path(coming.value.path()).read_bytes().decode()
        assert len(list(csv.DictReader(io.StringIO(table)))) == count
