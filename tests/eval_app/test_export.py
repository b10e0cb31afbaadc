"""The rows of a filter leave the workbench as HTML, JSON and CSV, and what a model said does no harm there."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from eval_app import export_views
from eval_app.models import Evaluation, RowNote
from tests.eval_app.cast import recorded, right, says
from tests.world import World

pytestmark = pytest.mark.django_db
BAD = '=HYPERLINK("x") <script>alert(1)</script><img src=x onerror=alert(2)> \'+1 \u202e'


@pytest.fixture
def evaluation(world: World) -> Evaluation:
    found = recorded(world, {"base": says("{}", None), "tuned": says(BAD, None), "few": right}, rows=8)
    RowNote.objects.create(evaluation=found, position=0, text="@SUM(1) <b>odd</b>", by=world.member)
    return found


def taken(world: World, found: Evaluation, form: str, **query: Any) -> str:
    response = world.client("reader").get(f"{found.get_absolute_url()}compare/rows.{form}", query)
    assert response.status_code == 200
    assert f'attachment; filename="evaluation-{found.pk}-rows.{form}"' == response["Content-Disposition"]
    with pytest.warns(Warning, match="asynchronous iterators"):  # it streams under ASGI; this client is synchronous
        return b"".join(response).decode()


def test_json_holds_every_row_of_the_filter(world: World, evaluation: Evaluation) -> None:
    document = json.loads(taken(world, evaluation, "json", show="neither", order="worst"))
    assert [row["row"] for row in document["rows"]] == [1, 3, 5, 7]
    assert (document["n"], document["of"], document["filter"]) == (4, 8, "Both wrong, worst first")
    first = document["rows"][0]
    assert first["outputs"]["tuned"]["text"] == BAD
    assert first["outputs"]["tuned"]["against_baseline"] == "neither" and first["outputs"]["tuned"]["invalid_format"]
    assert [note["by"] for note in first["notes"]] == ["member"]
    assert set(document["systems"]) == {"base", "tuned", "few"}
    assert document["systems"]["few"]["metrics"]["exact_match"]["n"] == 8
    everything = json.loads(taken(world, evaluation, "json"))
    assert everything["n"] == len(everything["rows"]) == 8


def test_a_filter_without_rows_is_still_a_document(world: World, evaluation: Evaluation) -> None:
    assert json.loads(taken(world, evaluation, "json", show="failed"))["rows"] == []


def test_csv_cells_do_not_run_in_a_spreadsheet(world: World, evaluation: Evaluation) -> None:
    lines = list(csv.DictReader(io.StringIO(taken(world, evaluation, "csv", show="neither"))))
    assert len(lines) == 4 * 3, "one line for each row and system"
    tuned = next(line for line in lines if line["system"] == "System tuned")
    assert tuned["output"] == "'" + BAD
    assert tuned["notes"] == "member: @SUM(1) <b>odd</b>"
    assert (tuned["right"], tuned["against_baseline"], tuned["invalid_format"]) == ("no", "Both wrong", "yes")
    assert float(tuned["exact_match"]) == 0
    assert not [cell for line in lines for cell in line.values() if cell.startswith(("=", "+", "-", "@"))]


def test_html_is_one_file_that_asks_for_nothing_and_runs_nothing(world: World, evaluation: Evaluation) -> None:
    html = taken(world, evaluation, "html")
    tags: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs)))

    Reader().feed(html)
    assert not {"script", "img", "link", "iframe", "object", "form", "b"} & {tag for tag, _ in tags}
    assert not [
        name for _, attrs in tags for name in attrs if name.startswith("on") or name in ("src", "href", "style")
    ]
    assert "default-src 'none'" in html
    assert html.count("<article>") == 8 and html.rstrip().endswith("</html>")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "Exact match" in html and "[" in html and "n = 8" in html
    assert re.search(r"All rows, in order: 8 of 8\s+rows", html)


def test_rows_are_sent_in_parts_and_none_is_lost(
    world: World, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_views, "PART", 3)
    document = json.loads(taken(world, evaluation, "json", order="random", seed=4))
    numbers = [row["row"] for row in document["rows"]]
    assert sorted(numbers) == list(range(1, 9)) and numbers != sorted(numbers)


def test_another_form_is_not_there(world: World, evaluation: Evaluation) -> None:
    assert world.client().get(f"{evaluation.get_absolute_url()}compare/rows.exe").status_code == 404
