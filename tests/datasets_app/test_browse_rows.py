"""The rows page: filters, order and page stand in its address, and any address is answered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion
from tests.datasets_app.cast import audited
from tests.world import World, write_jsonl


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    """70 labelled rows of two classes with texts of growing length, two pairs, and a row nobody can use."""
    texts = [{"text": f"Ticket {n:03} says {'more ' * n}", "label": "low" if n % 5 else "high"} for n in range(70)]
    pairs = [{"prompt": f"What is {n}?", "completion": f"It is {n}."} for n in range(2)]
    return audited(world, write_jsonl(tmp_path / "rows.jsonl", [*texts, *pairs, {"odd": 1}]))


def lines(world: World, version: DatasetVersion, query: str, **headers: str) -> list[int]:
    answer = world.client("reader").get(address(version) + query, headers=headers)
    assert answer.status_code == 200
    return [int(line) for line in re.findall(r'id="line-(\d+)"', answer.content.decode())]


def address(version: DatasetVersion) -> str:
    return reverse("version_rows", args=[version.dataset.project_id, version.pk])


def test_it_puts_rows_in_order(world: World, version: DatasetVersion) -> None:
    assert lines(world, version, "?sort=-characters")[:3] == [70, 69, 68]
    assert lines(world, version, "?sort=-line")[:2] == [73, 72]
    assert lines(world, version, "?sort=characters")[0] in (71, 72)
    assert lines(world, version, "?sort=nonsense")[:2] == [1, 2]


def test_it_filters_by_what_a_row_is(world: World, version: DatasetVersion) -> None:
    assert lines(world, version, "?format=prompt_completion") == [71, 72]
    assert lines(world, version, "?show=unusable") == [73]
    assert lines(world, version, "?label=high&sort=-line")[:3] == [66, 61, 56]
    assert lines(world, version, "?most=40&q=ticket") == [1, 2]
    assert lines(world, version, "?least=99999") == []


def test_the_last_page_holds_the_last_rows(world: World, version: DatasetVersion) -> None:
    assert lines(world, version, "?page=4") == list(range(61, 74))
    assert lines(world, version, "?page=5") == []


def test_the_address_says_what_is_shown_and_no_more(world: World, version: DatasetVersion) -> None:
    query = "?finding=&format=&q=ticket&sort=-characters&least=&most=&unit=characters&page=2"
    answer = world.client("reader").get(address(version) + query, headers={"HX-Request": "true"})
    assert answer["HX-Push-Url"] == address(version) + "?q=ticket&sort=-characters&page=2"
    assert b"<html" not in answer.content


def test_a_filter_in_force_can_be_taken_away(world: World, version: DatasetVersion) -> None:
    html = world.client("reader").get(address(version) + "?label=high&q=ticket").content.decode()
    assert 'href="?label=high"' in html  # without the text
    assert 'href="?q=ticket"' in html  # without the class


@pytest.mark.parametrize(
    "query",
    [
        "?sort=__class__",
        "?least=x&most=-1",
        "?cluster=99",
        "?label=%00",
        "?format=../x",
        "?page=0",
        "?unit=tokens&least=1",
    ],
)
def test_no_query_breaks_it(world: World, version: DatasetVersion, query: str) -> None:
    assert world.client("reader").get(address(version) + query).status_code == 200


def test_an_address_names_one_row_or_one_line(world: World, version: DatasetVersion, tmp_path: Path) -> None:
    assert lines(world, version, "?row=71") == [71] == lines(world, version, "?line=71")
    assert lines(world, version, "?row=99") == [] == lines(world, version, "?line=99")
    elements = ",\n\n".join(f'{{"text": "Row {n}."}}' for n in range(30))
    (tmp_path / "array.json").write_text(f"[\n{elements}]")
    array = audited(world, tmp_path / "array.json")
    assert lines(world, array, "?line=42") == [42] and lines(world, array, "?row=21") == [42]
    assert lines(world, array, "?line=43") == []


def test_a_finding_about_the_whole_file_leads_to_the_place_that_shows_it(world: World, tmp_path: Path) -> None:
    rows = [{"prompt": f"What is {n}?", "completion": f"It is {n}."} for n in range(60)]
    version = audited(world, write_jsonl(tmp_path / "few.jsonl", rows))
    findings = world.client("reader").get(version.get_absolute_url(), {"tab": "findings"}).content.decode()
    assert "tab=coverage#size-title" in findings and "finding=too_few_rows" not in findings
    coverage = world.client("reader").get(version.get_absolute_url(), {"tab": "coverage"}).content.decode()
    assert 'id="size-title"' in coverage
    html = world.client("reader").get(address(version), {"finding": "too_few_rows"}).content.decode()
    assert "is about the file as a whole and has no rows" in html and "Too few rows: 60" not in html
    assert 'value="too_few_rows"' not in html
