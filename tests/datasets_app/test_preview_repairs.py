"""The repair page: operations from the engine's table, a diff before anything is done, one version after."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from datasets_app.models import DatasetVersion, Repair
from datasets_app.reports import titles
from engine.data.repairs import REPAIRS, load
from tests.datasets_app.cast import audited
from tests.datasets_app.test_mark_rows import mark
from tests.world import World, run_to_end, ticket_rows, write_jsonl


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def version(world: World, tmp_path: Path) -> DatasetVersion:
    """30 sound rows, a copy, an empty answer, an address, a zero-width space."""
    rows = [
        *ticket_rows(30),
        ticket_rows(1)[0],
        chat("Hello?", ""),
        chat("Whom do I ask about my old order?", "Write to jane.doe@example.com about it."),
        chat("Zero\u200bwidth?", "No."),
    ]
    return audited(world, write_jsonl(tmp_path / "rows.jsonl", rows))


def send(world: World, version: DatasetVersion, role: str = "member", htmx: bool = False, **data: Any) -> Any:
    url = reverse("version_repair", args=[world.project.pk, version.pk])
    headers = {"HX-Request": "true"} if htmx else {}
    return world.client(role).post(url, data, headers=headers)


def test_it_offers_every_operation_and_those_that_answer_a_finding_first(world: World, version: DatasetVersion) -> None:
    url = reverse("version_repair", args=[world.project.pk, version.pk])
    html = world.client("member").get(url).content.decode()
    for op in REPAIRS:
        assert (f'name="{op}-chosen"' in html) == (op not in ("edit", "map", "mix", "add")), op
    assert html.index("Most valuable first") < html.index('name="drop-chosen"') < html.index("Other operations")
    assert html.index("Other operations") < html.index('name="balance-chosen"')
    for field in load("fix_roles").FIELDS:
        # Which rows are left alone is decided where the rows are.
        assert (f'name="fix_roles-{field.name}"' in html) == (field.name != "except")
    # The findings of this file: a copy, an empty answer, an address, a character nobody sees.
    for op in ("dedupe", "drop", "redact", "normalise"):
        assert html.index(f'name="{op}-chosen"') < html.index("Other operations"), op
    assert (
        'name="redact-chosen" id="id_redact-chosen" checked'
        in world.client("member").get(url, {"op": "redact"}).content.decode()
    )


def test_it_shows_what_would_change_and_masks_it(world: World, version: DatasetVersion) -> None:
    answer = send(
        world, version, preview="1", **{"redact-chosen": "on", "redact-kinds": ["email"], "dedupe-chosen": "on",
        "dedupe-codes": ["exact_duplicate"], "dedupe-keep": "first"},
    )  # fmt: skip
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "Line 33 changes" in html
    assert "Line 31 goes" in html
    assert "<ins>" in html
    assert "EMAIL" in html
    assert "jane.doe" not in html
    assert 'name="redact-chosen" id="id_redact-chosen" checked' in html, "what was chosen is kept"
    assert not Repair.objects.exists(), "nothing is done by looking"


def test_it_shows_characters_that_nobody_sees(world: World, version: DatasetVersion) -> None:
    html = send(world, version, preview="1", **{"normalise-chosen": "on", "normalise-invisible": "on"}).content.decode()
    assert "⟨U+200B⟩" in html


def test_it_applies_several_operations_in_their_order(world: World, version: DatasetVersion) -> None:
    chosen = {
        "redact-chosen": "on", "redact-kinds": ["email"], "redact-order": "2",
        "normalise-chosen": "on", "normalise-unicode": "NFC", "normalise-invisible": "on", "normalise-order": "1",
        "drop-chosen": "on", "drop-codes": ["empty_answer"], "drop-order": "3",
    }  # fmt: skip
    answer = send(world, version, apply="1", **chosen)
    assert answer.status_code == 302
    repair = Repair.objects.get()
    assert [one["op"] for one in repair.operations] == ["normalise", "redact", "drop"]
    run_to_end(repair.run)
    repair.refresh_from_db()
    child = repair.child
    assert child is not None
    rows = [json.loads(line) for line in child.path.read_text().splitlines()]
    assert len(rows) == 33
    assert rows[-2]["messages"][1]["content"] == "Write to [EMAIL] about it."
    assert rows[-1]["messages"][0]["content"] == "Zerowidth?"
    data = world.client("reader").get(reverse("data", args=[world.project.pk])).content.decode()
    assert f"1 row removed from v1: {titles()['empty_answer'].lower()} 1" in data
    assert "2 rows changed in v1: characters normalised 1, personal data redacted 1" in data


def test_it_says_what_is_wrong_and_keeps_what_was_chosen(world: World, version: DatasetVersion) -> None:
    answer = send(world, version, preview="1")
    assert answer.status_code == 422
    assert b"Choose at least one operation" in answer.content
    answer = send(world, version, preview="1", **{"balance-chosen": "on", "balance-how": "down", "balance-seed": "x"})
    assert answer.status_code == 422
    assert b'value="x"' in answer.content
    answer = send(
        world,
        version,
        preview="1",
        **{"dedupe-chosen": "on", "dedupe-keep": "reviewed", "dedupe-codes": "exact_duplicate"},
    )
    assert b"No row of this version was reviewed" in answer.content
    assert not Repair.objects.exists()


def test_it_keeps_the_reviewed_copy(world: World, version: DatasetVersion) -> None:
    mark(world, version, 31, reviewed="yes")
    send(
        world,
        version,
        apply="1",
        **{"dedupe-chosen": "on", "dedupe-keep": "reviewed", "dedupe-codes": "exact_duplicate"},
    )
    (operation,) = Repair.objects.get().operations
    assert len(operation["reviewed"]) == 1
    run_to_end(Repair.objects.get().run)
    assert Repair.objects.get().child.operation["dropped"] == {"exact_duplicate": 1}


def test_htmx_gets_the_form_alone_and_is_sent_on(world: World, version: DatasetVersion) -> None:
    chosen = {"drop-chosen": "on", "drop-codes": ["empty_answer"]}
    html = send(world, version, htmx=True, preview="1", **chosen).content.decode()
    assert html.lstrip().startswith('<div id="choose">')
    assert "Line 32 goes" in html
    answer = send(world, version, htmx=True, apply="1", **chosen)
    assert answer["HX-Redirect"] == Repair.objects.get().get_absolute_url()


def test_it_says_when_the_file_has_changed_and_when_the_engine_is_gone(
    world: World, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"drop-chosen": "on", "drop-codes": ["empty_answer"]}
    os.truncate(version.path, version.size - 3)
    assert b"has changed since" in send(world, version, preview="1", **chosen).content
    monkeypatch.setattr("datasets_app.previews.MOST_SECONDS", 0.01)
    answer = send(world, version, preview="1", **chosen)
    assert answer.status_code == 422
    assert b"was not ready" in answer.content


def test_it_needs_a_member(world: World, version: DatasetVersion) -> None:
    assert send(world, version, role="reader", preview="1").status_code == 403
    assert send(world, version, role="stranger", preview="1").status_code == 404


def test_a_preview_that_breaks_shows_no_personal_data(
    world: World, version: DatasetVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'ValueError: jane.doe@example.com' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    answer = send(world, version, **{"drop-chosen": "on", "drop-numbers": "1", "preview": "1"})
    html = answer.content.decode()
    assert "The preview failed: ValueError: j***@e***.com" in html
    assert "jane.doe" not in html
