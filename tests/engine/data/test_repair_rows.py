from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.audit import AuditRequest, audit
from engine.data.errors import DataError
from engine.data.repair import UNUSABLE_CODES, repair
from tests.engine.data.rows import audit_rows, many, qa, write_jsonl

BOTH: list[dict[str, Any]] = [{"op": "drop", "codes": list(UNUSABLE_CODES)}, {"op": "dedupe", "keep": "first"}]


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_it_drops_unusable_rows_and_keeps_the_first_of_each_copy(tmp_path: Path) -> None:
    rows = many(20)
    audit_rows(tmp_path, [rows[0], *rows, {"odd": 1}, qa("Q", ""), rows[7]])
    out = tmp_path / "out" / "repaired.jsonl"
    result = repair(tmp_path / "rows.jsonl", tmp_path / "audit", BOTH, out)
    assert lines(out) == rows
    assert (result["rows_in"], result["rows_out"]) == (24, 20)
    assert result["dropped"] == {"unknown_shape": 1, "empty_answer": 1, "exact_duplicate": 2}
    assert result["bytes"] == out.stat().st_size


def test_it_leaves_rows_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    odd = b'{ "completion":"1.0e5 \\u00e9",  "prompt" : "Q", "n": 1.50 }'
    path.write_bytes(b"\xef\xbb\xbf" + odd + b"\r\n\r\n" + json.dumps(qa("A", "B")).encode())
    audit(AuditRequest(path), tmp_path / "audit")
    repair(path, tmp_path / "audit", BOTH, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes().split(b"\n")[0] == odd
    assert (tmp_path / "out.jsonl").read_bytes().count(b"\n") == 2


def test_a_row_that_is_not_dropped_stays_even_when_it_cannot_be_read(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", many(3))
    with path.open("ab") as file:
        file.write(b'{"broken": \n{"text":"' + b"a" * 9_000_000 + b'"}\n{"odd":1}\n')
    audit(AuditRequest(path), tmp_path / "audit")
    result = repair(path, tmp_path / "audit", [{"op": "drop", "codes": ["unknown_shape"]}], tmp_path / "out.jsonl")
    assert result["rows_out"] == 5
    assert (tmp_path / "out.jsonl").read_bytes() == path.read_bytes().rsplit(b"\n", 2)[0] + b"\n"


def test_an_array_becomes_lines(tmp_path: Path) -> None:
    rows = many(5)
    (tmp_path / "rows.json").write_text(json.dumps([*rows, rows[1]], indent=2))
    audit(AuditRequest(tmp_path / "rows.json"), tmp_path / "audit")
    repair(tmp_path / "rows.json", tmp_path / "audit", BOTH, tmp_path / "out.jsonl")
    assert lines(tmp_path / "out.jsonl") == rows


def test_what_is_repaired_is_ready(public_data: Path, tmp_path: Path) -> None:
    file = public_data / "llamafactory" / "alpaca_en_demo.json"
    audit(AuditRequest(file), tmp_path / "audit")
    # One answer is a password that was made up for somebody.
    operations = [*BOTH, {"op": "redact", "kinds": ["secret"]}]
    result = repair(file, tmp_path / "audit", operations, tmp_path / "out.jsonl")
    assert (result["rows_in"], result["rows_out"], result["dropped"]) == (999, 985, {"exact_duplicate": 14})
    document = audit(AuditRequest(tmp_path / "out.jsonl"), tmp_path / "again")
    assert document["readiness"]["grade"] == "ready" and document["sha256"] == result["sha256"]


@pytest.mark.parametrize(
    "operations",
    [[], [{"op": "shuffle"}], [{"op": "dedupe", "keep": "best"}], [{"op": "dedupe", "codes": ["pii_email"]}],
     [{"op": "drop", "codes": "all"}], [{}]],
)  # fmt: skip
def test_it_refuses_what_it_does_not_know(tmp_path: Path, operations: list[dict[str, Any]]) -> None:
    audit_rows(tmp_path, many(5))
    with pytest.raises(DataError) as caught:
        repair(tmp_path / "rows.jsonl", tmp_path / "audit", operations, tmp_path / "out.jsonl")
    assert caught.value.remedy and not (tmp_path / "out.jsonl").exists()


def test_it_refuses_to_leave_nothing(tmp_path: Path) -> None:
    audit_rows(tmp_path, [{"odd": n} for n in range(5)])
    with pytest.raises(DataError, match="no row"):
        repair(tmp_path / "rows.jsonl", tmp_path / "audit", BOTH, tmp_path / "out.jsonl")


@pytest.mark.parametrize("same_size", [True, False])
def test_it_refuses_a_file_that_changed_since_its_audit(tmp_path: Path, same_size: bool) -> None:
    audit_rows(tmp_path, [*many(5), {"odd": 1}])
    text = (tmp_path / "rows.jsonl").read_text()
    (tmp_path / "rows.jsonl").write_text(text.replace("amber", "umber", 1) if same_size else text + "{}\n")
    with pytest.raises(DataError, match="changed"):
        repair(tmp_path / "rows.jsonl", tmp_path / "audit", BOTH, tmp_path / "out.jsonl")
    assert not list(tmp_path.glob("out.jsonl*"))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([*range(8), "odd", "empty"]), min_size=1, max_size=40))
def test_repairing_keeps_every_distinct_usable_row_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, picks: list[int | str]
) -> None:
    folder = tmp_path_factory.mktemp("repair")
    known: dict[str, dict[str, Any]] = {"odd": {"odd": 1}, "empty": qa("Q", " ")}
    sound = many(8)
    rows = [sound[pick] if isinstance(pick, int) else known[pick] for pick in picks]
    audit_rows(folder, rows)
    expected = [sound[pick] for pick in dict.fromkeys(picks) if isinstance(pick, int)]
    if not expected:
        return
    result = repair(folder / "rows.jsonl", folder / "audit", BOTH, folder / "out.jsonl")
    assert lines(folder / "out.jsonl") == expected
    assert result["rows_in"] == result["rows_out"] + sum(result["dropped"].values())
