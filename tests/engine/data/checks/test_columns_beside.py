"""Personal data and secrets in columns that nobody trains on: found, masked in what is shown, and redacted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.data.audit import AuditRequest, audit
from engine.data.beside import READ
from engine.data.export import Export
from engine.data.formats import FORMATS
from engine.data.index import open_index
from engine.data.repairs.redact import KINDS, redact
from tests.engine.data.rows import audit_rows, chat, finding, many, qa, write_jsonl

FOUND = [
    ({"user_email": "jane.doe@example.com"}, "pii_email"),
    ({"user_id": "jane.doe@example.com"}, "pii_email"),
    ({"meta": {"people": [{"mail": "jane.doe@example.com"}]}}, "pii_email"),
    ({"user_phone": "0171 2345678"}, "pii_phone"),
    ({"mobileNumber": 1712345678}, "pii_phone"),
    ({"client": "203.0.113.77"}, "pii_ip"),
    ({"paid_with": "4111 1111 1111 1111"}, "pii_card"),
    ({"account": "DE89370400440532013000"}, "pii_iban"),
    ({"ssn": "524123456"}, "pii_ssn"),
    ({"home": "742 Evergreen Terrace, Springfield, IL 62704"}, "postal_address"),
    ({"password": "hunter2x9a"}, "secret"),
    ({"hf": "hf_" + "aB1cD2eF3g" * 4}, "secret"),
]
SOUND: list[dict[str, Any]] = [
    {"id": "4111111111111111"},
    {"call_id": "01712345678"},
    {"source": "https://example.com/1", "score": 0.5, "tags": ["a", "b"], "none": None},
]


@pytest.mark.parametrize(("more", "code"), FOUND)
def test_it_is_found_masked_and_redacted(tmp_path: Path, more: dict[str, Any], code: str) -> None:
    rows = [*many(20), qa("Where is it?", "It is here.", **more), chat(("user", "U?"), ("assistant", "A."), **more)]
    document = audit_rows(tmp_path, rows)
    assert finding(document, code)["lines"] == [21, 22]
    if code != "secret":
        assert finding(document, code)["kinds"] == {"in a column beside": 2}
    connection = open_index(tmp_path / "audit" / "index.sqlite")
    shown = json.dumps(document) + str(connection.execute("select * from finding_row").fetchall())
    connection.close()
    value = json.dumps(next(iter(more.values()))).strip('"[]{}')
    assert value not in shown and value[-8:] not in shown
    kind = next(kind for kind, (_, _, finds) in KINDS.items() if finds == code)
    redacted = [redact(row, frozenset({kind})) for row in rows]
    assert finding(audit_rows(tmp_path, redacted), code)["count"] == 0
    assert redacted[:20] == rows[:20] and redacted[20]["prompt"] == rows[20]["prompt"]
    exported = b"".join(
        line for line in Export(tmp_path / "rows.jsonl", "openai", mask=True) if isinstance(line, bytes)
    )
    assert value.encode() not in exported


def test_what_only_tells_rows_apart_is_no_personal_number(tmp_path: Path) -> None:
    rows = [*many(20), *(qa(f"Where is {n}?", "It is here.", **more) for n, more in enumerate(SOUND))]
    codes = {each["code"] for each in audit_rows(tmp_path, rows)["findings"]}
    assert not any(code.startswith("pii_") or code == "secret" for code in codes)


def test_what_the_row_says_is_not_said_to_stand_beside_it(tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path / "rows.jsonl", [*many(20), qa("Mail?", "To jane@example.com.", mail="bob@example.com")]
    )
    found = finding(audit(AuditRequest(path), tmp_path / "audit"), "pii_email")
    assert found["lines"] == [21] and "kinds" not in found


def test_every_format_says_which_columns_it_reads() -> None:
    assert set(READ) == set(FORMATS)
