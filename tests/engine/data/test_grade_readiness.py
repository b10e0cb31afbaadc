"""The three most valuable repairs: in their order, with the rows they would touch, and as operations that are taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.data.audit import AuditRequest, audit
from engine.data.checks import checks
from engine.data.readiness import grade
from engine.data.repairs import REPAIRS, check_operations
from engine.data.valuable import MENDS
from tests.engine.data.rows import audit_rows, finding, many, qa


def found(code: str, severity: str, count: int, **more: Any) -> dict[str, Any]:
    words = {"title": code, "why": f"Why {code}.", "remedy": "Do.", "repair": None}
    return {"code": code, "severity": severity, "count": count, **words, **more}


def test_severity_comes_before_rows_and_one_repair_mends_several_findings() -> None:
    findings = [
        found("pii_card", "repair", 2),
        found("leak_prompt", "repair", 5),
        found("exact_duplicate", "repair", 8, surplus=4),
        found("pii_email", "notice", 900),
        found("label_imbalance", "notice", 950),
    ]
    repairs = grade(1000, findings)["top_repairs"]
    assert [repair["codes"] for repair in repairs] == [["pii_email", "pii_card"], ["leak_prompt"], ["exact_duplicate"]]
    assert [repair["rows"] for repair in repairs] == [902, 5, 4]
    assert repairs[0]["why"] == "Why pii_card." and repairs[0]["op"] == {"op": "redact", "kinds": ["card", "email"]}


def test_rows_with_two_findings_count_once(tmp_path: Path) -> None:
    rows = many(300)
    rows += [rows[3], rows[3], rows[7] | {"prompt": rows[7]["prompt"].upper()}]
    rows += [qa("Who?", "Write to jane@example.com or call +44 20 7946 0958, it is open.")]
    lines = [json.dumps(row) for row in rows] + ['{"prompt": ', json.dumps(qa("Why?", ""))]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    document = audit(AuditRequest(tmp_path / "rows.jsonl"), tmp_path / "audit")
    repairs = {repair["op"]["op"]: repair for repair in document["readiness"]["top_repairs"]}
    assert repairs["dedupe"]["rows"] == 3 and repairs["dedupe"]["op"]["keep"] == "first"
    assert repairs["drop"]["rows"] == 2 and set(repairs["drop"]["op"]["codes"]) == {"malformed_json", "empty_answer"}
    assert repairs["redact"]["rows"] == 1 and len(repairs["redact"]["codes"]) == 2
    order = [(repair["op"]["op"], repair["rows"]) for repair in document["readiness"]["top_repairs"]]
    assert order == [("dedupe", 3), ("drop", 2), ("redact", 1)]


def test_sound_rows_need_no_repair(tmp_path: Path) -> None:
    document = audit_rows(tmp_path, many(250))
    assert document["readiness"]["top_repairs"] == []


def test_rows_that_are_only_alike_are_not_removed_unread(tmp_path: Path) -> None:
    words = "the quick brown fox jumps over the lazy dog and runs along the old river to the sea"
    rows = [*many(300), qa(words, words), qa(words, words.replace("sea", "lake"))]
    document = audit_rows(tmp_path, rows)
    assert finding(document, "near_duplicate")["severity"] == "notice"
    assert not any("near_duplicate" in repair["codes"] for repair in document["readiness"]["top_repairs"])


def test_every_repair_named_is_one_that_can_be_done_and_mends_a_finding_there_is() -> None:
    codes = {about.code for check in checks() for about in check.ABOUT}
    for mend in MENDS:
        operation = mend.operation(list(mend.codes))
        assert operation["op"] in REPAIRS
        check_operations([operation])
        assert set(mend.codes) <= codes
