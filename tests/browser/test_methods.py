"""QLoRA, DPO and distillation, launched from the form by clicking and run to their end."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visitor
from tests.home import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(2400)]

SECOND = 1000
Picture = Callable[[Page, str], None]


def chats(count: int) -> list[dict[str, Any]]:
    return [
        {"messages": [{"role": "user", "content": f"Shelf {n}?"}, {"role": "assistant", "content": f"A lamp, {n}."}]}
        for n in range(count)
    ]


def pairs(count: int) -> list[dict[str, Any]]:
    return [{"prompt": f"Shelf {n}?", "chosen": f"A lamp, {n}.", "rejected": f"No idea, {n}."} for n in range(count)]


def project_with(page: Page, name: str, file: Path) -> None:
    """A project whose data is uploaded, audited and split; ends at the launch form."""
    page.goto("/projects/new/")
    page.get_by_label("Name").fill(name)
    page.get_by_label(re.compile("What the model should do", re.I)).fill("Say what stands on a shelf.")
    page.get_by_label(re.compile("Task type", re.I)).select_option("text")
    page.get_by_role("button", name="Make the project").click()
    page.locator("[data-upload] input[type=file]").set_input_files(file)
    page.wait_for_url(re.compile(r"/versions/\d+/"), timeout=180 * SECOND)
    page.get_by_text("Split with other shares").click(timeout=180 * SECOND)
    page.get_by_role("button", name="Split", exact=True).click()
    train = page.locator(".head-actions").get_by_role("link", name="Train")
    expect(train).to_be_visible(timeout=180 * SECOND)
    train.click()
    expect(page.locator("#preview")).to_contain_text("Ready", timeout=180 * SECOND)


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[[list[dict[str, Any]]], Path]:
    def write(rows: list[dict[str, Any]]) -> Path:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


def launch(page: Page) -> None:
    """Two steps of short rows, to the end."""
    page.locator("#id_max_steps").fill("2")
    assert page.locator("#id_run_length_steps").is_checked(), "typing steps chooses steps"
    page.get_by_label("Cutoff length").fill("128")
    expect(page.locator("#preview")).to_contain_text(re.compile(r"Steps\s*2"))
    expect(page.locator("#preview .card-tools")).to_contain_text("Ready")
    page.get_by_role("button", name="Start the run").click()
    evaluate = page.get_by_role("button", name="Evaluate against the baseline")
    expect(evaluate).to_be_visible(timeout=900 * SECOND)
    expect(page.locator("#run-state")).to_contain_text("Succeeded")


def accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    serious = [(v["id"], n["html"][:160]) for v in found if v["impact"] in ("serious", "critical") for n in v["nodes"]]
    assert serious == [], page.url


def test_qlora_and_distillation(
    site: Site, visitor: Visitor, picture: Picture, file_of: Callable[[list[dict[str, Any]]], Path]
) -> None:
    starter = next((site.home / "models").iterdir())
    teacher = site.home / "models" / "teacher"
    shutil.copytree(starter, teacher)
    argv = [sys.executable, "manage.py", "register_model", str(teacher), "--name", "Teacher"]
    subprocess.run(argv, cwd=ROOT, env=site.environment(), check=True, capture_output=True)

    page = visitor.page
    project_with(page, "Shelves", file_of(chats(80)))
    new_run = page.url
    page.get_by_label("QLoRA (4 bits)").check()
    expect(page.locator("#settings")).to_contain_text("Double quantisation", timeout=90 * SECOND)
    page.locator("#advanced > summary").click()
    targets = page.locator("[data-targets]")
    targets.get_by_label(re.compile("gate_proj")).uncheck()
    expect(page.get_by_label("Target modules")).to_have_value(re.compile("^q_proj, k_proj, v_proj, o_proj, up_proj"))
    page.get_by_label("Target modules").fill("q_proj, v_proj")
    expect(targets.get_by_label(re.compile("k_proj"))).not_to_be_checked()
    page.get_by_text("See what is trained").click()
    expect(page.locator("#seen .seen-trained").nth(1)).to_contain_text("A lamp")
    picture(page, "launch-qlora")
    accessible(page)
    launch(page)
    page.locator("#first-batch > summary").click()
    expect(page.locator("#first-batch")).to_contain_text("tokens trained")
    expect(page.locator("#expected + *, #measured")).to_contain_text("Memory at the peak")
    picture(page, "run-qlora")
    accessible(page)

    page.goto(new_run)
    page.locator("#id_method_distillation").check()
    page.get_by_label("Teacher", exact=True).select_option(label="Teacher", timeout=90 * SECOND)
    launch(page)
    expect(page.locator("main")).to_contain_text("DISTILLATION on")


def test_dpo(visitor: Visitor, picture: Picture, file_of: Callable[[list[dict[str, Any]]], Path]) -> None:
    page = visitor.page
    project_with(page, "Tastes", file_of(pairs(80)))
    assert page.locator("#id_method_dpo").is_checked(), "pairs are made for it"
    page.locator("#advanced > summary").click()
    assert page.get_by_label("Packing").is_disabled()
    picture(page, "launch-dpo")
    launch(page)
    page.locator("#first-batch > summary").click()
    expect(page.locator("#first-batch")).to_contain_text("rejected")
    page.goto(re.sub(r"/jobs/.*", "/presets/", page.url))
    page.get_by_label("Name").fill("From a file")
    page.get_by_label("Axolotl configuration").fill("adapter: lora\nlora_r: 8\nflash_attention: true\n")
    page.get_by_role("button", name="Keep as a preset").click()
    page.get_by_text("1 line without a place here").click()
    picture(page, "presets")
    accessible(page)
    page.get_by_role("link", name="Use").click()
    expect(page.locator("#id_adapter__lora_rank")).to_have_value("8")
    page.goto(re.sub(r"/new/.*", "/prices/", page.url))
    picture(page, "prices")
    accessible(page)
