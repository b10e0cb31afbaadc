"""What the tests of the repairs share: one repair of a few rows, and what an audit then finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.data.audit import AuditRequest, audit
from engine.data.repair import repair
from tests.engine.data.rows import audit_rows


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def repaired(
    folder: Path, rows: list[Any], *operations: dict[str, Any], files: dict[str, Path] | None = None
) -> tuple[list[Any], dict[str, Any]]:
    """(the rows afterwards, the result) of one repair; counts that do not add up fail."""
    audit_rows(folder, rows)
    out = folder / "out.jsonl"
    result = repair(folder / "rows.jsonl", folder / "audit", list(operations), out, files=files)
    gone, more = sum(result["dropped"].values()), sum(result["added"].values())
    assert result["rows_in"] - gone + more == result["rows_out"] == len(lines(out))
    return lines(out), result


def found_after(folder: Path) -> set[str]:
    """The codes of the findings of the repaired rows."""
    return {finding["code"] for finding in audit(AuditRequest(folder / "out.jsonl"), folder / "after")["findings"]}
