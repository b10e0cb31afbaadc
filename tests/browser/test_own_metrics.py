"""Own metrics by clicking: an expression answers while it is written; and what a judge says on an evaluation's page."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.clicking import Look
from tests.browser.conftest import Site, Visitor
from tests.home import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

JUDGED = """
from eval_app.models import Evaluation
from engine.evaluation.judging import Judged, Pair
from engine.evaluation.judging.summing import summed
e = Evaluation.objects.get()
keys = list(e.results["systems"])[:3]
both = [Pair(keys[0], key, row) for key in keys[1:] for row in range(24)]
pairs = {pair: Judged(said={"ab": "b", "ba": "b" if pair.row % 3 else "a"}) for pair in both}
e.results["judge"] = {"name": "Large judge", "problem": "", "pairs": summed(pairs, 1)}
e.save(update_fields=["results"])
"""


@pytest.fixture(scope="module")
def evaluation(site: Site) -> str:
    """The address of a finished evaluation of several systems, judged."""
    for argv in (["-m", "tests.browser.compared"], ["manage.py", "shell", "-c", JUDGED]):
        made = subprocess.run([sys.executable, *argv], cwd=ROOT, env=site.environment(), capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        if argv[0] == "-m":
            address = made.stdout.split()[-1]
    return address


def test_an_expression_answers_while_it_is_written(visitor: Visitor, evaluation: str, look: Look) -> None:
    page = visitor.page
    page.goto(re.sub(r"\d+/$", "metrics/", evaluation))
    expect(page.get_by_role("heading", name="No metric of your own yet")).to_be_visible()
    page.get_by_label("Label").fill("One object")
    page.get_by_label("Expression").fill("is_json(output")
    expect(page.locator("#tried")).to_contain_text("Line 1, column")
    page.get_by_label("Expression").fill("is_json(output) && size(words(output)) < 20")
    expect(page.locator("#tried")).to_contain_text("100.0 %")
    look(page, "own-metrics")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("One object is saved.")).to_be_visible()
    look(page, "own-metrics-list")
    page.get_by_role("link", name="Change One object").click()
    expect(page.locator("#tried")).to_contain_text("On row 1")
    page.go_back()
    page.get_by_role("button", name="Delete One object").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("One object is deleted.")).to_be_visible()


def test_the_judge_stands_beside_its_bias(visitor: Visitor, evaluation: str, look: Look) -> None:
    page = visitor.page
    page.goto(evaluation)
    section = page.locator("section[aria-labelledby=judge]")
    expect(section).to_contain_text("Large judge compared pairs of answers")
    expect(section).to_contain_text("33.3 %")
    expect(section).to_contain_text("no blind review of these yet")
    look(page, "evaluation-judged")
