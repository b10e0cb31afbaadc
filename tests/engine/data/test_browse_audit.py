from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.data.audit import AuditRequest, audit
from engine.data.browse import open_audit
from engine.data.errors import DataError
from tests.engine.data.rows import audit_rows, many, qa


def test_pages_follow_the_file_and_add_up(tmp_path: Path) -> None:
    audit_rows(tmp_path, [*many(60), {"odd": 1}])
    with open_audit(tmp_path / "rows.jsonl", tmp_path / "audit") as view:
        pages = [view.page(offset=offset, limit=25) for offset in (0, 25, 50, 75)]
    assert [len(page.rows) for page in pages] == [25, 25, 11, 0]
    assert {page.total for page in pages} == {61}
    assert [row.line for page in pages for row in page.rows] == list(range(1, 62))
    last = pages[2].rows[-1]
    assert last.example is None and last.problem is not None and last.problem.code == "unknown_shape"
    assert last.findings[0][0] == "unknown_shape" and "'odd'" in last.findings[0][1]


def test_a_finding_opens_its_rows_by_group(tmp_path: Path) -> None:
    rows = many(10)
    audit_rows(tmp_path, [*rows, rows[4], rows[2], rows[4]])
    with open_audit(tmp_path / "rows.jsonl", tmp_path / "audit") as view:
        page = view.page(finding="exact_duplicate")
        assert [(row.line, row.group) for row in page.rows] == [(3, 1), (12, 1), (5, 2), (11, 2), (13, 2)]
        assert view.page(finding="exact_duplicate", offset=3, limit=1).rows[0].line == 11
        assert view.page(finding="pii_email").total == 0


def test_search_finds_text_in_any_case_and_writing(tmp_path: Path) -> None:
    rows = [*many(30), qa("Grüße aus Köln", 'He said "hi"\nand left'), qa("MiXeD case", "prompt")]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=row is rows[-2]) for row in rows))
    audit(AuditRequest(path), tmp_path / "audit")
    with open_audit(path, tmp_path / "audit") as view:
        assert [row.line for row in view.page(search="grüße aus").rows] in ([31], [])
        assert [row.line for row in view.page(search="Grüße").rows] == [31]
        assert [row.line for row in view.page(search='"hi"\nand').rows] == [31]
        assert [row.line for row in view.page(search="mixed CASE").rows] == [32]
        assert view.page(search="nowhere at all").total == 0
        assert view.page(search="amber", limit=2).total > 2
        assert view.page(search="(.*").total == 0


def test_what_is_shown_is_masked_and_bounded(tmp_path: Path) -> None:
    rows = [*many(5), qa("Mail jane.doe@example.com", "y" * 50_000 + " bob@example.org")]
    audit_rows(tmp_path, rows)
    with open_audit(tmp_path / "rows.jsonl", tmp_path / "audit") as view:
        row = view.page(finding="pii_email").rows[0]
    shown = repr(row)
    assert "jane.doe" not in shown and "bob@" not in shown and "j***@e***.com" in shown
    assert len(row.raw) <= 4001 and row.example is not None and len(row.example.answer) < 21_000


def test_rows_of_an_array_and_of_plain_text_open_too(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(many(5), indent=2))
    audit(AuditRequest(tmp_path / "rows.json"), tmp_path / "a")
    with open_audit(tmp_path / "rows.json", tmp_path / "a") as view:
        assert [row.line for row in view.page().rows] == [2, 6, 10, 14, 18]
        third = view.row(3)
        assert third is not None and third.example is not None and third.example.answer == many(5)[2]["completion"]
    (tmp_path / "stored").write_text("First line.\n\nThird line.\n")
    audit(AuditRequest(tmp_path / "stored", filename="book.txt"), tmp_path / "b")
    with open_audit(tmp_path / "stored", tmp_path / "b") as view:
        assert [(row.line, row.example and row.example.text) for row in view.page().rows] == [
            (1, "First line."),
            (3, "Third line."),
        ]


def test_a_huge_line_opens_as_its_problem(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"text":"' + b"a" * 9_000_000 + b'"}\n{"text":"b"}\n')
    audit(AuditRequest(path), tmp_path / "audit")
    with open_audit(path, tmp_path / "audit") as view:
        row = view.page(finding="malformed_json").rows[0]
    assert row.problem is not None and row.problem.kind == "too_long" and len(row.raw) < 300


def test_a_missing_audit_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing"):
        open_audit(tmp_path / "rows.jsonl", tmp_path)


def test_pages_need_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, engine.data.browse, engine.data.repair, engine.data.split, engine.data.examples;"
        "import engine.data.formats as f; list(f.formats());"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'tokenizers', 'django')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
