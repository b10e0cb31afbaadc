"""What the tests of the data engine share: files of rows, and an audit of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.data.audit import AuditRequest, audit


def write_jsonl(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def qa(question: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"prompt": question, "completion": answer, **more}


def chat(*turns: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **more}


def many(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Sound rows, no two alike in any way."""
    words = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty")
    ends = ("", "ton", "by", "ford", "ham", "wick", "field")

    def name(number: int) -> str:
        # Another word for the same digit in the next place: 11 and 111 would be alike otherwise.
        return " ".join(words[int(digit)] + ends[place] for place, digit in enumerate(str(number)))

    return [
        qa(f"Where is {name(number)}?", f"It is at {name(number)} in {number}.")
        for number in range(start, start + count)
    ]


def audit_rows(folder: Path, rows: list[Any], **options: Any) -> dict[str, Any]:
    """Writes the rows to folder/rows.jsonl, audits them into folder/audit, and returns the document."""
    return audit(AuditRequest(write_jsonl(folder / "rows.jsonl", rows), **options), folder / "audit")


def finding(document: dict[str, Any], code: str) -> dict[str, Any]:
    found = [entry for entry in document["findings"] if entry["code"] == code]
    return found[0] if found else {"code": code, "count": 0, "lines": [], "surplus": 0}
