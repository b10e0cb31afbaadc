"""Planted defects: each is found on its line, and sound rows raise nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.data.audit import AuditRequest, audit
from engine.data.checks import CHECKS, checks
from engine.data.errors import FileRefused
from tests.engine.data.rows import audit_rows, chat, finding, many, qa, write_jsonl


def test_sound_rows_are_ready(tmp_path: Path) -> None:
    document = audit_rows(tmp_path, many(250))
    # All are made by one pattern, and none is an edge case; nothing else can be said against them.
    assert [found["code"] for found in document["findings"]] == ["low_diversity", "missing_edge_cases"]
    assert document["readiness"]["grade"] == "ready" and document["readiness"]["repairs"] == []
    assert document["rows"] == {"lines": 250, "blank": 0, "usable": 250, "unusable": 0}


def test_the_document_keeps_its_contract(tmp_path: Path) -> None:
    document = audit_rows(tmp_path, many(20))
    names = {
        "schema_version",
        "format",
        "formats",
        "rows",
        "findings",
        "label_balance",
        "tokens",
        "seconds",
        "peak_bytes",
        "sha256",
    }
    assert names <= set(document) and document["schema_version"] == 1
    assert document["format"] == "prompt_completion" and document["peak_bytes"] > 1_000_000
    assert json.loads((tmp_path / "audit" / "document.json").read_bytes()) == document


def test_exact_copies_are_found_whatever_their_writing(tmp_path: Path) -> None:
    rows = many(30)
    lines = [json.dumps(row) for row in rows]
    swapped = {"completion": rows[3]["completion"], "prompt": rows[3]["prompt"]}
    lines += [json.dumps(swapped, indent=None, separators=(" , ", " :  ")), json.dumps(rows[3] | {"id": 7}), lines[5]]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines))
    found = finding(audit(AuditRequest(path), tmp_path / "audit"), "exact_duplicate")
    assert found["groups"] == [[4, 31, 32], [6, 33]]
    assert (found["count"], found["surplus"], found["lines"]) == (5, 3, [4, 6, 31, 32, 33])


def test_copies_but_for_writing_are_found_and_not_counted_twice(tmp_path: Path) -> None:
    rows = [
        qa("What is “H₂O”?", "It's water."), qa("what is  H2O", "IT-S WATER!"), qa("what is  H2O", "IT-S WATER!"),
        qa("Café hours?", "Nine."), qa("Cafe\u0301 hours", "nine"),
        qa("5 - 3 = ?", "2"), qa("5 + 3 = ?", "2"), qa("53 = ?", "2"),
        qa("कि", "ka"), qa("की", "ka"), qa("日本", "Japan"), qa("中国", "China"),
    ]  # fmt: skip
    document = audit_rows(tmp_path, rows)
    assert finding(document, "normalised_duplicate")["groups"] == [[1, 2], [4, 5]]
    assert finding(document, "normalised_duplicate")["surplus"] == 2
    assert finding(document, "exact_duplicate")["groups"] == [[2, 3]]


def test_the_same_prompt_with_other_answers_is_a_conflict(tmp_path: Path) -> None:
    rows = [
        *many(20),
        qa("Capital of Australia?", "Sydney"),
        qa("capital of australia", "Canberra"),
        qa("capital of Peru", "Lima"),
    ]
    found = finding(audit_rows(tmp_path, rows), "conflicting_answers")
    assert found["groups"] == [[21, 22]] and found["severity"] == "repair"


def test_copies_of_prompts_are_counted_whatever_their_answers(tmp_path: Path) -> None:
    rows = [
        *many(20),
        qa("Who?", "A"),
        qa("Who?", "A"),
        qa("who", "A!"),
        qa("Who", "B"),
        qa("Why?", "C"),
        qa("Why?", "C"),
    ]
    document = audit_rows(tmp_path, rows)
    assert finding(document, "conflicting_answers")["same_prompt"] == 3 + 1
    assert finding(document, "conflicting_answers")["groups"] == [[21, 22, 23, 24]]
    rows = [*many(20), qa("Who?", "A"), qa("Who?", "A"), qa("who", "A!"), qa("5 - 3", "2"), qa("5 + 3", "8")]
    found = finding(audit_rows(tmp_path, rows), "normalised_duplicate")
    assert (found["surplus"], found["same_prompt"]) == (1, 2)


def test_several_answers_are_meant_in_preference_rows(tmp_path: Path) -> None:
    rows = [{"prompt": "Q", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(20)]
    assert finding(audit_rows(tmp_path, rows), "conflicting_answers")["count"] == 0


TURNS = {
    "role_order": [
        [("user", "a"), ("user", "b"), ("assistant", "c")],
        [("assistant", "hello"), ("user", "b"), ("assistant", "c")],
        [("user", "a"), ("assistant", "b"), ("assistant", "c")],
        [("user", "a"), ("tool", "b"), ("assistant", "c")],
    ],
    "system_not_first": [[("user", "a"), ("system", "b"), ("assistant", "c")]],
    "ends_with_user": [[("user", "a"), ("assistant", "b"), ("user", "c")]],
    "prompt_equals_answer": [[("user", "Say it"), ("assistant", " Say it\n")]],
}


@pytest.mark.parametrize("code", TURNS)
def test_turns_out_of_place_are_found(tmp_path: Path, code: str) -> None:
    sound = [
        chat(("system", "s"), ("user", "u1"), ("assistant", "a1"), ("user", "u2"), ("assistant", "a2")),
        chat(("user", "u3"), ("assistant", "call"), ("tool", "t"), ("tool", "t"), ("assistant", "a3")),
        qa("Repeat after me: hello", "hello"),
    ]
    document = audit_rows(tmp_path, [*sound, *(chat(*turns) for turns in TURNS[code])])
    assert finding(document, code)["lines"] == list(range(4, 4 + len(TURNS[code])))


def test_unusable_rows_are_counted_by_kind_and_leave_the_rest(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", many(20))
    with path.open("a") as file:
        file.write('{"prompt": "x"\n\n[1]\n{"prompt": "Q", "completion": ""}\n{"who": "knows"}\n{"a": NaN}\n')
    document = audit(AuditRequest(path), tmp_path / "audit")
    assert document["rows"] == {"lines": 26, "blank": 1, "usable": 20, "unusable": 5}
    assert finding(document, "malformed_json")["kinds"] == {"nan": 1, "truncated": 1}
    assert finding(document, "malformed_json")["lines"] == [21, 26]
    assert finding(document, "not_an_object")["lines"] == [23]
    assert finding(document, "empty_answer")["lines"] == [24]
    assert finding(document, "unknown_shape")["lines"] == [25]
    assert document["readiness"]["grade"] == "usable with repairs"


def test_nothing_usable_blocks(tmp_path: Path) -> None:
    document = audit_rows(tmp_path, [{"who": "knows"}] * 30)
    assert document["readiness"]["grade"] == "not usable yet"
    assert finding(document, "unknown_shape")["severity"] == "blocker"


def test_mixed_shapes_name_the_rarer_rows(tmp_path: Path) -> None:
    found = finding(audit_rows(tmp_path, [*many(20), chat(("user", "q"), ("assistant", "a"))]), "mixed_shapes")
    assert found["lines"] == [21] and found["severity"] == "notice"
    slots = {"userInput": {"text": "To Rome"}}
    found = finding(audit_rows(tmp_path, [*many(20), slots]), "mixed_shapes")
    assert found["lines"] == [21] and found["severity"] == "notice"
    found = finding(audit_rows(tmp_path, [*many(20), {"text": "raw"}]), "mixed_shapes")
    assert found["severity"] == "repair"


def test_rare_classes_and_the_balance(tmp_path: Path) -> None:
    rows = [{"text": f"ticket {n} {'x' * n}", "label": "billing" if n < 60 else "refund"} for n in range(66)]
    document = audit_rows(tmp_path, rows)
    assert document["label_balance"]["distinct"] == 2
    assert document["label_balance"]["majority_share"] == pytest.approx(60 / 66)
    assert finding(document, "label_imbalance")["lines"] == [61, 62, 63, 64, 65, 66]


def test_short_repeated_answers_are_classes_but_free_text_is_not(tmp_path: Path) -> None:
    rows = [qa(f"Is {n} even? {'x' * n}", "yes" if n % 2 else "no") for n in range(40)]
    assert audit_rows(tmp_path, rows)["label_balance"]["distinct"] == 2
    assert audit_rows(tmp_path, many(40))["label_balance"] is None


def test_a_far_longer_row_is_an_outlier(tmp_path: Path) -> None:
    found = finding(audit_rows(tmp_path, [*many(99), qa("Long?", "word " * 500)]), "length_outlier")
    assert found["lines"] == [100] and "characters" in found["threshold"]


def test_addresses_are_found_and_masked_everywhere(tmp_path: Path) -> None:
    rows = [
        *many(20),
        qa("Mail?", "Write to jane.doe@example.co.uk today"),
        qa("Handle?", "@jane and a@b are no addresses"),
    ]
    rows.append({"who@example.com": 1})
    document = audit_rows(tmp_path, rows, filename="from.bob@example.org.jsonl")
    assert finding(document, "pii_email")["lines"] == [21]
    stored = (tmp_path / "audit" / "document.json").read_text() + str(_notes(tmp_path / "audit"))
    assert "jane.doe" not in stored and "who@" not in stored and "bob@" not in stored
    assert "j***@e***.uk" in stored


def _notes(audit_dir: Path) -> list[Any]:
    from engine.data.index import open_index

    connection = open_index(audit_dir / "index.sqlite")
    try:
        return connection.execute("select * from finding_row").fetchall()
    finally:
        connection.close()


def test_markup_is_noticed_and_comparison_signs_are_not(tmp_path: Path) -> None:
    rows = [
        qa("Show", "<p>Hello <b>you</b></p>"),
        qa("Code?", "if a <b and c> d: List<int>"),
        qa("<script>alert(1)</script>", "no"),
    ]
    assert finding(audit_rows(tmp_path, rows), "html_markup")["lines"] == [1, 3]


def test_rows_and_prompts_of_the_test_file_are_leaks(tmp_path: Path) -> None:
    rows = many(30)
    identical, prompt = qa(rows[4]["prompt"].upper(), rows[4]["completion"]), qa(rows[9]["prompt"], "something else")
    held = write_jsonl(tmp_path / "test.jsonl", [identical, prompt, qa("2 - 1?", "1"), {"broken": 1}])
    document = audit_rows(tmp_path, [*rows, qa("2 + 1?", "1")], test=held)
    assert finding(document, "leak_identical")["lines"] == [5]
    assert finding(document, "leak_prompt")["lines"] == [5, 10]
    assert "other words" in finding(document, "leak_prompt")["cannot_see"]
    assert document["test"] == {"name": "test.jsonl", "usable": 3, "prompts_only": 0, "unusable": 1, "why_not": ""}
    assert "1 held-out row that could not be read" in finding(document, "leak_prompt")["cannot_see"]


@pytest.mark.parametrize(("rows", "severity"), [(10, "blocker"), (100, "notice"), (200, None)])
def test_few_rows(tmp_path: Path, rows: int, severity: str | None) -> None:
    assert finding(audit_rows(tmp_path, many(rows)), "too_few_rows").get("severity") == severity


@pytest.mark.parametrize(
    ("rows", "states"), [(199, ["short"] * 3), (200, ["few", "short", "short"]), (1000, ["enough", "enough", "short"])]
)
def test_it_says_what_the_rows_are_enough_for(tmp_path: Path, rows: int, states: list[str]) -> None:
    document = audit_rows(tmp_path, many(rows))
    assert [purpose["state"] for purpose in document["size"]["purposes"]] == states
    if rows < 200:
        assert "too few for one narrow task by LoRA (200 to 500)" in finding(document, "too_few_rows")["measure"]


def test_the_same_file_gives_the_same_document(tmp_path: Path) -> None:
    rows = [*many(60), *many(3), {"x": 1}]
    first, second = audit_rows(tmp_path, rows), audit_rows(tmp_path, rows)
    measured = ("seconds", "rows_per_second", "peak_bytes")
    assert {k: v for k, v in first.items() if k not in measured} == {
        k: v for k, v in second.items() if k not in measured
    }


def test_a_failed_audit_leaves_no_half_index(tmp_path: Path) -> None:
    (tmp_path / "blank.jsonl").write_bytes(b" \n" * 100_000)
    with pytest.raises(FileRefused):
        audit(AuditRequest(tmp_path / "blank.jsonl"), tmp_path / "audit")
    assert not list((tmp_path / "audit").glob("index*")) if (tmp_path / "audit").exists() else True


def test_every_check_says_what_it_finds_and_what_to_do() -> None:
    abouts = [about for check in checks() for about in check.ABOUT]
    codes = [about.code for about in abouts]
    assert len(set(codes)) == len(codes)
    assert set(CHECKS) - {"structure", "personal_data", "coverage"} <= set(codes)
    assert all(about.title and about.why.endswith(".") and about.remedy.endswith(".") for about in abouts)
