"""The report: one file that opens offline and says what the page says; and the findings as CSV."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion
from tests.datasets_app.cast import audited, version_of
from tests.engine.data.rows import many
from tests.world import World, write_jsonl

ATTACK = "<script>alert(1)</script>"


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    rows = [
        {"text": f"Ticket {n} by jane.doe@example.com {ATTACK}", "label": "low" if n % 3 else ATTACK} for n in range(20)
    ]
    alike = {"text": "The parcel came on Monday and the box was open, so I send it back to you.", "label": "low"}
    rows += [alike, {**alike, "text": alike["text"].replace("Monday", "Friday")}]
    return audited(world, write_jsonl(tmp_path / "rows.jsonl", [*rows, rows[0], {ATTACK: 1}]))


def url(name: str, version: DatasetVersion) -> str:
    return reverse(name, args=[version.dataset.project_id, version.pk])


def test_it_is_one_file_that_asks_nobody(world: World, version: DatasetVersion) -> None:
    answer = world.client("reader").get(url("version_report", version))
    html = answer.content.decode()
    assert answer["Content-Disposition"].endswith('-v1-audit.html"')
    assert version.sha256 in html and "Exact duplicates" in html and "How it was measured" in html
    assert not re.findall(r"(?:src|href|action)=|url\(|@import", html)
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "jane.doe" not in html


def test_leakage_says_what_it_cannot_see_though_nothing_was_found(world: World, version: DatasetVersion) -> None:
    page = world.client("reader").get(version.get_absolute_url(), {"tab": "findings"}).content.decode()
    for html in (page, world.client("reader").get(url("version_report", version)).content.decode()):
        assert "not looked for: no held-out data was given" in html
        assert "Rows that ask the same in other words" in html
        assert "Jaccard similarity of word 3-grams" in html


def test_what_nobody_looked_for_is_said_on_the_page_and_in_the_report(world: World, version: DatasetVersion) -> None:
    audit = version.audit
    assert audit is not None and audit.document is not None
    places = [(version.get_absolute_url(), "overview"), (version.get_absolute_url(), "findings")]
    places.append((url("version_report", version), ""))
    for entries in ([], [{"code": "pii_name", "title": "Names", "found": f"Nobody looked. {ATTACK}", "remedy": "Do."}]):
        audit.document = {**audit.document, "not_looked": entries}
        audit.save()
        for place, tab in places:
            html = world.client("reader").get(place, {"tab": tab}).content.decode()
            assert ("Not looked for" in html) == bool(entries)
            assert ("Nobody looked." in html) == bool(entries)
            assert ATTACK not in html


def test_the_findings_open_in_a_spreadsheet(world: World, version: DatasetVersion) -> None:
    answer = world.client("reader").get(url("version_findings_csv", version))
    rows = {row["code"]: row for row in csv.DictReader(io.StringIO(answer.content.decode()))}
    assert rows["exact_duplicate"]["count"] == "2" and rows["exact_duplicate"]["first_lines"] == "1 23"
    assert rows["near_duplicate"]["measure"].startswith("Jaccard") and rows["near_duplicate"]["threshold"] == "0.5"
    assert rows["near_duplicate"]["cannot_see"].startswith("rows that say the same in other words")


def test_there_is_none_before_an_audit_has_ended(world: World, tmp_path: Path) -> None:
    waiting = version_of(world, write_jsonl(tmp_path / "rows.jsonl", [{"prompt": "a", "completion": "b"}]))
    for name in ("version_report", "version_findings_csv"):
        assert world.client("reader").get(url(name, waiting)).status_code == 404


def test_it_has_every_section_of_the_audit_page(world: World, tmp_path: Path) -> None:
    labels = [("low", "low", "high"), ("high", "high", "high"), ("low", "high", "low")]
    rows = [
        {"text": f"Ticket {n} about {'a parcel' if n % 2 else 'money'}", "labels": list(labels[n % 3])}
        for n in range(240)
    ]
    version = audited(world, write_jsonl(tmp_path / "annotated.jsonl", rows))
    with_faults = audited(world, write_jsonl(tmp_path / "faulty.jsonl", [*rows[:30], {"odd": 1}]))
    plain = audited(world, write_jsonl(tmp_path / "plain.jsonl", many(240)))
    html = {each: world.client("reader").get(url("version_report", each)).content.decode() for each in (version, plain)}
    document = {each: each.audit and each.audit.document for each in (version, plain)}
    annotated, other = document[version], document[plain]
    assert annotated and other and other["edge_cases"]
    assert "<h2>Agreement of annotators</h2>" in html[version]
    assert f"{annotated['agreement']['krippendorff_alpha']:.3f}" in html[version]
    for title in ("Are there enough rows?", "Edge cases among the rows", "Diversity of prompts"):
        assert f"<h2>{title}</h2>" in html[plain]
    missing = next(finding for finding in other["findings"] if finding["code"] == "missing_edge_cases")
    assert all(f"{kind.replace('_', ' ')} {count:,}" in html[plain] for kind, count in missing["kinds"].items())
    faults = world.client("reader").get(url("version_report", with_faults)).content.decode()
    assert "Lines that cannot be used" in faults and "unknown shape" in faults
