"""Personal data and secrets replaced by placeholders, in every shape of row."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.audit import AuditRequest, audit
from engine.data.errors import DataError
from engine.data.formats import detect
from engine.data.mask import mask_text
from engine.data.names import finder
from engine.data.repair import repair
from engine.data.repairs.redact import KINDS, redact, redact_text
from tests.engine.data.repairing import repaired
from tests.engine.data.rows import audit_rows, chat, many, qa

ALL = frozenset(KINDS) - {"name"}
CODES = {KINDS[kind][2] for kind in ALL}
MAIL, PHONE, CARD, IBAN = "jane.doe@example.com", "+14155552671", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
SENTENCE = (
    f"Mail {MAIL}, call {PHONE}, card {CARD}, bank {IBAN}, SSN 536-90-4399, host 84.17.44.12, token {TOKEN}, "
    f"https://bob:x@example.org/ and {KEY}"
)
ADDRESS = "742 Evergreen Terrace, Springfield, IL 62704"
CALL = {"function": {"name": "send", "arguments": json.dumps({"to": MAIL, "phone": 4155552671})}, "type": "function"}


def messages(*turns: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(turns)}


USER: dict[str, Any] = {"role": "user", "content": "Send it"}
SPOKEN = json.dumps({"name": "send", "arguments": {"to": MAIL, "ip": "84.17.44.12", "mobile": 4155552671}})
SHAPES: list[dict[str, Any]] = [
    qa(SENTENCE, "Noted."),
    qa("What is it?", SENTENCE, id=7),
    chat(("system", SENTENCE), ("user", "Your phone?"), ("assistant", "4155552671")),
    messages(USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}),
    messages({"role": "user", "content": [{"type": "text", "text": SENTENCE}]}, {"role": "assistant", "content": "Y"}),
    {"conversations": [{"from": "human", "value": "Send"}, {"from": "function_call", "value": SPOKEN}]},
    {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hi"}],
     "tools": json.dumps([{"name": "ask", "description": f"Asks {MAIL}"}])},
    {"instruction": SENTENCE, "input": MAIL, "output": SENTENCE, "history": [[SENTENCE, MAIL]]},
    {"prompt": "Who?", "chosen": SENTENCE, "rejected": MAIL},
    {"prompt": SENTENCE, "completion": "no", "label": False},
    {"text": SENTENCE},
    {"text": SENTENCE, "label": "spam"},
    {"query": SENTENCE, "choices": [MAIL, PHONE], "gold": 1},
]  # fmt: skip


@pytest.mark.parametrize("row", SHAPES, ids=lambda row: "-".join(row))
def test_nothing_is_found_afterwards_in_any_shape(tmp_path: Path, row: dict[str, Any]) -> None:
    document = audit_rows(tmp_path, [row])
    assert {finding["code"] for finding in document["findings"]} & CODES
    result = repair(tmp_path / "rows.jsonl", tmp_path / "audit", [{"op": "redact"}], tmp_path / "out.jsonl")
    assert result["changed"] == {"redact": 1}
    (after,) = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert detect(after) == detect(row) and list(after) == list(row)
    again = audit(AuditRequest(tmp_path / "out.jsonl"), tmp_path / "again")
    assert not {finding["code"] for finding in again["findings"]} & CODES
    assert again["rows"]["usable"] == 1


def test_each_kind_has_its_placeholder() -> None:
    after = redact(qa(SENTENCE, "-"), ALL)["prompt"]
    assert after == (
        "Mail [EMAIL], call [PHONE], card [CARD], bank [IBAN], SSN [SSN], host [IP], token [SECRET], "
        "https://bob:[SECRET]@example.org/ and [SECRET]"
    )


def test_tokens_are_masked_and_redacted_whole() -> None:
    signed = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
    assert mask_text(f"{TOKEN} {signed}") == "ghp_*** eyJh***"
    assert redact(qa(f"{TOKEN} {signed}", "-"), ALL)["prompt"] == "[SECRET] [SECRET]"


def test_a_postal_address_has_its_placeholder() -> None:
    assert redact(qa(f"Send it to {ADDRESS}.", "-"), ALL)["prompt"] == "Send it to [ADDRESS]."


def test_names_need_something_that_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.data.repairs import redact as module

    rows = [qa("Who was there?", "Yesterday Jane Doe met Peter Miller in the office."), *many(3)]
    if finder() is not None:
        after, result = repaired(tmp_path, rows, {"op": "redact", "kinds": ["name"]})
        assert "Jane" not in after[0]["completion"] and "[NAME]" in after[0]["completion"]
        assert result["changed"]["redact"] >= 1
    monkeypatch.setattr(module, "finder", lambda: None)
    with pytest.raises(DataError, match="no package that finds names"):
        repaired(tmp_path, rows, {"op": "redact", "kinds": ["name"]})


def test_only_the_kinds_asked_for_go_and_metadata_is_looked_at_too() -> None:
    row = qa(f"{MAIL} {PHONE}", "ok", meta={"by": MAIL, MAIL: 1})
    assert redact(row, frozenset({"email"})) == qa(f"[EMAIL] {PHONE}", "ok", meta={"by": "[EMAIL]", MAIL: 1})


def test_arguments_of_a_tool_call_stay_json() -> None:
    row = {"messages": [{"role": "user", "content": "Go"}, {"role": "assistant", "content": "", "tool_calls": [CALL]}]}
    arguments = redact(row, ALL)["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"to": "[EMAIL]", "phone": "[PHONE]"}


def test_what_is_no_personal_data_stays_byte_for_byte(tmp_path: Path) -> None:
    audit_rows(tmp_path, [*many(10), qa("Version?", "1.2.3.4 of 2024-01-02"), qa("x", MAIL)])
    repair(tmp_path / "rows.jsonl", tmp_path / "audit", [{"op": "redact"}], tmp_path / "out.jsonl")
    before, after = (tmp_path / name for name in ("rows.jsonl", "out.jsonl"))
    assert before.read_bytes().splitlines()[:11] == after.read_bytes().splitlines()[:11]


NUMBERS = (PHONE, CARD, IBAN, "536-90-4399", "84.17.44.12", "1234567", "12", "[PHONE]", "[IP]")
PIECES = st.sampled_from((*NUMBERS, MAIL, TOKEN, KEY, "phone", "call", ": ", " ", "@", "\n", "://u:p@h", "-", "{", "x"))


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=12), st.lists(PIECES, max_size=6))
def test_a_second_time_changes_nothing(left: list[str], right: list[str]) -> None:
    once = redact(chat(("user", "".join(left)), ("assistant", "".join(right) or "ok")), ALL)
    assert redact(once, ALL) is once


def test_a_long_rule_beside_a_private_key_costs_nothing() -> None:
    rule = "-" * 60_000
    began = time.process_time()
    text = redact_text(f"{rule}\n{KEY}\n{rule}", frozenset({"secret"}))
    assert time.process_time() - began < 2  # every dash was tried as the start of a key: 3 seconds and more
    assert "[SECRET]" in text
    assert KEY not in text
