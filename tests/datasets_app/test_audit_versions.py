"""The audit of a version: what its page says, and that no input breaks it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app import launching
from datasets_app.models import DatasetVersion
from runs_app.models import Status
from tests.datasets_app.cast import audited, begin, page, send, upload, version_of, without_model
from tests.world import World, run_to_end, ticket_rows, write_jsonl

GOOD = b'{"prompt": "What is two and two?", "completion": "Four."}\n'


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """20 sound rows, 2 copies, an empty answer, a malformed line, a blank line: 25 lines, 22 usable."""
    rows = [json.dumps(row) for row in ticket_rows(20)]
    broken = '{"messages": [{"role": "user", "content": "half a li'
    empty = json.dumps({"prompt": "Is anybody there?", "completion": ""})
    path = tmp_path / "mixed.jsonl"
    path.write_text("\n".join([*rows[:10], broken, "", empty, *rows[10:], rows[3], rows[3]]) + "\n")
    return path


def test_it_says_what_is_there_and_what_to_do(world: World, mixed: Path) -> None:
    version = audited(world, mixed, tokens=True)
    assert version.audit is not None
    assert version.audit.run.status == Status.SUCCEEDED
    document = version.audit.document or {}
    assert document["rows"] == {"lines": 25, "blank": 1, "usable": 22, "unusable": 2}
    assert document["tokens"]["model"] == world.base_model.path.name
    html = page(world, version)
    assert document["readiness"]["sentence"] in html
    assert "4 rows go: 2 surplus copies and 2 that cannot be used. 20 stay" in html
    assert version.sha256 in world.client("reader").get(version.get_absolute_url(), {"tab": "file"}).content.decode()
    assert "?finding=malformed_json" in html


def test_its_page_asks_about_itself_until_the_audit_has_ended(world: World, mixed: Path) -> None:
    without_model(world)
    version = version_of(world, mixed)
    client, url = world.client("reader"), version.get_absolute_url()
    poll = {"HX-Request": "true", "HX-Target": "run-progress"}
    waiting = client.get(url, headers=poll)
    assert b'hx-trigger="every 1s"' in waiting.content
    assert b"<html" not in waiting.content
    assert b"Stop</button>" not in waiting.content  # a reader
    assert version.audit is not None
    run_to_end(version.audit.run)
    assert client.get(url, headers=poll)["HX-Refresh"] == "true"
    assert b"run-progress" not in client.get(url).content


def test_each_finding_opens_its_rows(world: World, mixed: Path) -> None:
    version = audited(world, mixed)
    client = world.client("reader")
    url = reverse("version_rows", args=[world.project.pk, version.pk])
    double = client.get(url, {"finding": "exact_duplicate"}).content.decode()
    assert [f"Line {n}" in double for n in (4, 24, 25)] == [True] * 3
    assert double.count('class="card mt-2"') == 3
    broken = client.get(url, {"finding": "malformed_json"}).content.decode()
    assert "Line 11" in broken
    assert "half a li" in broken
    found = client.get(url, {"q": "shelf 7:"}).content.decode()
    assert "shelf 7:" in found
    assert "Nothing" not in found
    fragment = client.get(url, {"finding": "malformed_json"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert 'id="list"' in fragment


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=99999999", "page=x", "finding=%27--", "q=%00", "q=%F0%9F"]
)
def test_no_address_of_the_rows_page_breaks_it(world: World, mixed: Path, query: str) -> None:
    version = audited(world, mixed)
    url = reverse("version_rows", args=[world.project.pk, version.pk])
    assert world.client("reader").get(f"{url}?{query}").status_code == 200


def test_hostile_text_of_a_row_is_shown_as_text(world: World, tmp_path: Path) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>{% now 'Y' %}"
    rows = [{"prompt": f"{attack} {n}", "completion": f"answer {n} {attack}"} for n in range(3)]
    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", [*rows, {attack: attack}]))
    client = world.client("reader")
    for query in ({}, {"finding": "unknown_shape"}, {"q": attack}):
        html = client.get(reverse("version_rows", args=[world.project.pk, version.pk]), query).content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in page(world, version)


def test_an_email_address_is_masked(world: World, tmp_path: Path) -> None:
    rows = [{"prompt": f"Write to jane.doe@example.com {n}", "completion": "Done."} for n in range(3)]
    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))
    html = world.client("reader").get(reverse("version_rows", args=[world.project.pk, version.pk])).content.decode()
    assert "jane.doe" not in html
    assert "j***@e***.com" in html


def test_a_long_text_is_folded_and_bounded(world: World, tmp_path: Path) -> None:
    rows = [
        {"prompt": "long " * 40_000, "completion": "x"},
        *[{"prompt": f"p{n}", "completion": "c"} for n in range(3)],
    ]
    version = audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))
    answer = world.client("reader").get(reverse("version_rows", args=[world.project.pk, version.pk]))
    assert len(answer.content) < 60_000
    assert b"<details><summary" in answer.content
    assert b"more characters in the file" in answer.content


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "only blank lines": (lambda: b"\n \n\n", "empty|white space|blank lines"),
    "a gzip that is cut off": (lambda: gzip.compress(GOOD * 50)[:-9], "gzip"),
    "a CSV with one name twice": (lambda: b"answer,answer\n" + b"what,that\n" * 40, "Two columns have the name"),
    "a UTF-16 file": (lambda: (GOOD * 20).decode().encode("utf-16"), "UTF-16"),
    "a UTF-16 file without a mark": (lambda: (GOOD * 20).decode().encode("utf-16-le"), "UTF-16"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_what_holds_no_rows_and_says_what_it_found(world: World, name: str) -> None:
    make, words = REFUSED[name]
    without_model(world)
    version = upload(world, make(), filename="rows.jsonl")
    assert version.audit is not None
    run_to_end(version.audit.run)
    version = DatasetVersion.objects.get()
    assert version.audit is not None
    refused = version.audit.refused
    assert refused is not None
    assert any(word in refused["found"] for word in words.split("|"))
    html = page(world, version)
    assert "This file cannot be read as rows." in html
    assert refused["remedy"].split("'")[0][:20] in html
    for verb in ("version_repair", "version_split"):
        data = {"train": 80, "validation": 10, "test": 10, "seed": 42}
        answer = world.client("member").post(reverse(verb, args=[world.project.pk, version.pk]), data)
        assert answer.status_code == 400
        assert b"could not be read as rows" in answer.content
    assert world.client().get(reverse("version_rows", args=[world.project.pk, version.pk])).status_code == 200


BAD_LINES: dict[str, tuple[bytes, str, str]] = {
    "a 50 MB line": (b'{"prompt": "' + b"x" * (50 << 20) + b'", "completion": "y"}', "malformed_json", "bytes"),
    "10,000-deep nesting": (b'{"prompt": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "malformed_json", "nested"),
    "a lone surrogate": (b'{"prompt": "\\ud800", "completion": "y"}', "malformed_json", "surrogate"),
    "bytes that are not UTF-8": (b'{"prompt": "caf\xe9", "completion": "y"}', "invalid_encoding", "UTF-8"),
    "an array": (b'["prompt", "completion"]', "not_an_object", "array"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_it_reports_a_bad_line_with_its_number_and_counts_every_line(world: World, name: str) -> None:
    line, code, words = BAD_LINES[name]
    without_model(world)
    rows = b"".join(GOOD.replace(b"two and two", str(n).encode()) for n in range(30))
    version = upload_whole(world, rows + line + b"\n" + GOOD)
    assert version.audit is not None
    run_to_end(version.audit.run)
    version = DatasetVersion.objects.get()
    assert version.audit is not None
    document = version.audit.document or {}
    assert document["rows"] == {"lines": 32, "blank": 0, "usable": 31, "unusable": 1}
    finding = next(finding for finding in document["findings"] if finding["code"] == code)
    assert finding["lines"] == [31]
    rows_page = reverse("version_rows", args=[world.project.pk, version.pk])
    html = world.client("reader").get(rows_page, {"finding": code}).content.decode()
    assert "Line 31" in html
    assert words in html
    assert len(html) < 60_000


def upload_whole(world: World, body: bytes) -> DatasetVersion:
    """In slices of 4 MB, as a large file comes."""
    client = world.client("member")
    url = begin(client, world.project.pk, size=len(body), filename="rows.jsonl")["Location"]
    for offset in range(0, len(body), 4 << 20):
        assert send(client, url, offset, body[offset : offset + (4 << 20)]).status_code == 204
    return DatasetVersion.objects.get()


def test_the_public_alpaca_rows_have_14_surplus_copies(world: World, public_data: Path, tmp_path: Path) -> None:
    rows: list[Any] = json.loads((public_data / "llamafactory" / "alpaca_en_demo.json").read_text())
    version = audited(world, write_jsonl(tmp_path / "alpaca_en_demo.jsonl", rows))
    assert version.audit is not None
    document = version.audit.document or {}
    double = next(finding for finding in document["findings"] if finding["code"] == "exact_duplicate")
    assert double["surplus"] == 14
    assert "14 surplus copies" in page(world, version)


def test_a_failed_audit_says_why_and_can_be_tried_again(world: World, mixed: Path) -> None:
    version = version_of(world, mixed)
    version.path.unlink()
    assert version.audit is not None
    run_to_end(version.audit.run)
    html = page(world, version)
    assert "Try again" in html
    assert world.client("reader").get(version.get_absolute_url()).content.decode().count("Try again") == 0


def test_it_audits_again_against_held_out_rows_and_shows_the_leak(world: World, tmp_path: Path) -> None:
    rows = ticket_rows(30)
    version = audited(world, write_jsonl(tmp_path / "train.jsonl", rows))
    held_out = version_of(world, write_jsonl(tmp_path / "test.jsonl", [rows[4], *ticket_rows(40)[30:]]))
    url = reverse("version_audit", args=[world.project.pk, version.pk])
    assert world.client("member").post(url, {"against": held_out.pk}).status_code == 302
    assert version.audit is not None
    run_to_end(version.audit.run)
    found = (version.audit.document or {})["findings"]
    assert [f["lines"] for f in found if f["code"] == "leak_identical"] == [[5]]
    assert world.client("member").post(url, {"against": 10**6}).status_code == 400
    assert world.client("reader").post(url, {"against": ""}).status_code == 403


def test_it_is_not_started_twice(world: World, mixed: Path) -> None:
    version = version_of(world, mixed)
    url = reverse("version_audit", args=[world.project.pk, version.pk])
    world.client("member").post(url, {"against": ""})
    assert version.audits.count() == 1


def test_its_document_can_be_taken_along(world: World, mixed: Path) -> None:
    version = audited(world, mixed)
    answer = world.client("reader").get(reverse("version_document", args=[world.project.pk, version.pk]))
    assert answer.json()["sha256"] == version.sha256
    assert "attachment" in answer["Content-Disposition"]


def test_the_rows_can_be_taken_along_as_they_are_stored(world: World, mixed: Path) -> None:
    version = version_of(world, mixed)
    answer = world.client("member").get(reverse("version_download", args=[world.project.pk, version.pk]))
    with pytest.warns(Warning, match="asynchronous iterators"):  # it streams under ASGI; this client is synchronous
        assert b"".join(answer) == mixed.read_bytes()
    assert answer["Content-Length"] == str(version.size)
    assert answer["Content-Disposition"] == 'attachment; filename="mixed.jsonl"'


def test_it_counts_characters_where_no_model_is(world: World, mixed: Path) -> None:
    version = audited(world, mixed)
    assert launching.first_model() is None
    url = version.get_absolute_url()
    assert b"Token lengths" not in world.client("reader").get(url, {"tab": "lengths"}).content
    assert b"no model was there" in world.client("reader").get(url, {"tab": "file"}).content


def test_a_stranger_and_an_anonymous_visitor_see_nothing(world: World, mixed: Path) -> None:
    version = version_of(world, mixed)
    for name in ("version", "version_rows", "version_document", "version_download"):
        url = reverse(name, args=[world.project.pk, version.pk])
        assert world.client("stranger").get(url).status_code == 404
        assert world.client("anonymous").get(url).status_code == 302
