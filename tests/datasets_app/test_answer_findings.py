"""From a finding to what answers it: a link to the operation, and none that leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path

from tests.datasets_app.cast import audited, page
from tests.engine.data.rows import many, qa, write_jsonl
from tests.world import World


def test_it_leads_from_a_finding_to_the_operation_that_mends_it(world: World, tmp_path: Path) -> None:
    rows = [
        *many(30),
        qa("Who writes?", "Ask jane.doe@example.com for it."),
        qa("Who?", "As an AI language model, no."),
    ]
    version = audited(world, write_jsonl(tmp_path / "mails.jsonl", rows))
    here = version.get_absolute_url()

    findings = world.client("member").get(f"{here}?tab=findings").content.decode()
    assert f"{here}repair/?op=redact" in findings
    rows_page = world.client("member").get(f"{here}rows/?finding=pii_email").content.decode()
    assert f"{here}repair/?op=redact" in rows_page
    assert "jane.doe@example.com" not in rows_page
    # Nobody but a person can write what a refusal should have said.
    assert "repair/?op=" not in world.client("member").get(f"{here}rows/?finding=refusal_boilerplate").content.decode()
    assert "repair/?op=" not in world.client("reader").get(f"{here}rows/?finding=pii_email").content.decode()


def test_it_never_proposes_to_drop_every_row(world: World, tmp_path: Path) -> None:
    file = tmp_path / "shapes.jsonl"
    file.write_text("".join(json.dumps({"who": n, "what": n}) + "\n" for n in range(8)), encoding="utf-8")
    html = page(world, audited(world, file))
    assert "Most valuable repairs" not in html
    assert "Say what the columns are" in html


def test_it_says_that_rows_can_be_read_where_they_can(world: World, tmp_path: Path) -> None:
    version = audited(world, write_jsonl(tmp_path / "fine.jsonl", many(20)))
    html = world.client("member").get(version.get_absolute_url() + "mapping/").content.decode()
    assert "Can be read" in html
    assert "None found" not in html


def test_it_names_kinds_of_a_finding_in_words(world: World, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "rows.jsonl", many(20))
    with file.open("a", encoding="utf-8") as more:
        more.write('{"prompt": "a", "completion": "b"} {"prompt": "c"}\n')
    html = world.client("member").get(audited(world, file).get_absolute_url() + "?tab=findings").content.decode()
    assert "two values" in html
    assert "two_values" not in html
