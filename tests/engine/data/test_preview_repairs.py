"""What a repair says it would do, before it is done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.data.preview import preview
from engine.data.repair import repair
from tests.engine.data.rows import audit_rows, many, qa

REDACT: dict[str, Any] = {"op": "redact"}
DEDUPE: dict[str, Any] = {"op": "dedupe"}


def test_it_counts_exactly_what_the_index_knows_and_shows_rows_before_and_after(tmp_path: Path) -> None:
    rows = [*many(3000), many(1)[0], qa("Who?", "Ask jane.doe@example.com today.")]
    audit_rows(tmp_path, rows)
    shown = preview(tmp_path / "rows.jsonl", tmp_path / "audit", [DEDUPE, REDACT])
    assert (shown["rows_in"], shown["rows_out"], shown["whole"]) == (3002, 3001, False)
    assert 0 < shown["looked_at"] <= 2000
    dedupe, redact = shown["operations"]
    assert dedupe["dropped"] == {"exact_duplicate": 1} and dedupe["flagged"] is None
    # The row lies beyond those looked at; the index leads to it.
    assert (redact["flagged"], redact["changed"]) == (1, 0)
    dropped, changed = shown["examples"]
    assert (dropped["kind"], dropped["line"], dropped["after"]) == ("dropped", 3001, [])
    assert (changed["kind"], changed["line"], changed["ops"]) == ("changed", 3002, ["redact"])
    assert changed["before"]["completion"] == "Ask j***@e***.com today."
    assert changed["after"][0]["completion"] == "Ask [EMAIL] today."


def test_it_says_what_the_repair_then_does(tmp_path: Path) -> None:
    rows = [*many(20), *many(3), qa("Mail?", "a@b.example"), qa("Phone?", "+14155552671"), {"odd": 1}]
    audit_rows(tmp_path, rows)
    operations = [{"op": "drop"}, DEDUPE, REDACT]
    shown = preview(tmp_path / "rows.jsonl", tmp_path / "audit", operations)
    done = repair(tmp_path / "rows.jsonl", tmp_path / "audit", operations, tmp_path / "out.jsonl")
    assert shown["whole"] and shown["rows_out"] == done["rows_out"] == 22
    assert {op["op"]: op["changed"] for op in shown["operations"] if op["changed"]} == done["changed"] == {"redact": 2}
    assert [op["dropped"] for op in shown["operations"]] == [{"unknown_shape": 1}, {"exact_duplicate": 3}, {}]


def test_the_command_prints_json_and_refuses_with_a_remedy(tmp_path: Path) -> None:
    audit_rows(tmp_path, [*many(5), {"odd": 1}])
    spec = {"kind": "repair", "file": str(tmp_path / "rows.jsonl"), "audit": str(tmp_path / "audit")}
    command = [sys.executable, "-m", "engine", "preview", str(tmp_path)]
    (tmp_path / "spec.json").write_text(json.dumps(spec | {"operations": [{"op": "drop"}]}))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["operations"][0]["dropped"] == {"unknown_shape": 1}
    (tmp_path / "spec.json").write_text(json.dumps(spec | {"operations": [{"op": "shuffle"}]}))
    done = subprocess.run([*command, "--limit", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and json.loads(done.stdout)["refused"]["remedy"]
