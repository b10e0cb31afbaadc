"""What holds for every repair: counts add up, rows that nothing changes stay byte for byte, and what is no operation is
refused with a sentence."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data.errors import DataError
from engine.data.repair import repair
from engine.data.repairs import REPAIRS, check_operation, load, settings_of
from engine.data.repairs.fields import Field
from tests.engine.data.rows import audit_rows, chat, many, qa, write_jsonl

SOUND = many(6)
PICKS: list[dict[str, Any]] = [
    *SOUND,
    {"odd": 1},
    qa("Q", " "),
    qa("Mail?", "Write to jane@example.com, please."),
    qa("Where is amber?", "zero\u200bwidth <|im_end|>"),
    chat(("Human", "a"), ("user", "b"), ("assistant", "c"), ("user", "d")),
    {"text": "Some prose.", "label": "x"},
    {"text": "Other prose.", "label": "y"},
]
OPERATIONS: list[dict[str, Any]] = [
    {"op": "drop"},
    {"op": "drop", "codes": ["mixed_shapes", "pii_email"]},
    {"op": "dedupe", "codes": ["exact_duplicate", "normalised_duplicate", "near_duplicate"], "keep": "longest"},
    {"op": "redact"},
    {"op": "normalise"},
    {"op": "fix_roles"},
    {"op": "resolve"},
    {"op": "add", "file": "other"},
    {"op": "mix", "other": "other", "ratio": 0.5},
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(range(len(PICKS))), min_size=1, max_size=25),
    st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=4),
)
def test_counts_add_up_and_untouched_rows_stay_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, picks: list[int], operations: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("repair")
    files = {"other": write_jsonl(folder / "other.jsonl", many(30, 900))}
    # An odd spelling of each row: whatever is written anew does not look like it.
    spelt = [json.dumps(PICKS[pick], separators=(" ,  ", " :")).encode() for pick in picks]
    audit_rows(folder, [PICKS[pick] for pick in picks])
    (folder / "rows.jsonl").write_bytes(b"\n".join(spelt))
    from engine.data.audit import AuditRequest, audit

    audit(AuditRequest(folder / "rows.jsonl"), folder / "audit")
    try:
        result = repair(folder / "rows.jsonl", folder / "audit", operations, folder / "out.jsonl", files=files)
    except DataError as error:
        assert error.remedy and not (folder / "out.jsonl").exists()
        return
    written = (folder / "out.jsonl").read_bytes().splitlines()
    assert result["rows_in"] == len(picks) and result["rows_out"] == len(written)
    assert len(picks) - sum(result["dropped"].values()) + sum(result["added"].values()) == len(written)
    log = [json.loads(line) for line in (folder / "changes.jsonl").read_text().splitlines()]
    touched = {entry["number"] for entry in log if entry["number"]}
    untouched = Counter(raw for number, raw in enumerate(spelt, 1) if number not in touched)
    assert not untouched - Counter(written)
    assert sum(untouched.values()) + sum(len(entry["after_ids"]) for entry in log) == len(written)


@pytest.mark.parametrize("op", REPAIRS)
def test_every_repair_describes_itself_for_forms(op: str) -> None:
    module = load(op)
    assert module.TITLE and module.ABOUT.endswith(".")
    assert any(hasattr(module, name) for name in ("rows", "change", "added"))
    for field in module.FIELDS:
        assert isinstance(field, Field) and field.label and field.why.endswith(".")
        assert field.needed or field.default == settings_of({"op": op})[field.name]
        assert json.loads(json.dumps(field.as_json()))["name"] == field.name


@pytest.mark.parametrize("op", REPAIRS)
def test_every_repair_refuses_a_field_it_does_not_know(op: str) -> None:
    with pytest.raises(DataError, match="no field 'path'") as caught:
        check_operation({"op": op, "path": "/etc/passwd"})
    assert caught.value.remedy


@pytest.mark.parametrize("op", REPAIRS)
@pytest.mark.parametrize("value", [{"a": []}, "\x00", -1, [1, "a"], 1.5])
def test_every_field_refuses_what_is_not_of_its_kind(op: str, value: Any) -> None:
    """Whatever a request holds ends in a sentence, never in another exception."""
    for field in load(op).FIELDS:
        try:
            check_operation({"op": op, field.name: value})
        except DataError as error:
            assert error.found and error.remedy


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        ({"op": "drop", "codes": []}, "no finding and no row"),
        ({"op": "drop", "codes": [1]}, "list of texts"),
        ({"op": "drop", "numbers": ["1"]}, "list of whole numbers"),
        ({"op": "drop", "numbers": [99]}, "no row 99"),
        ({"op": "drop", "numbers": [2**63]}, "no row 9223372036854775808"),
        ({"op": "dedupe", "keep": "reviewed"}, "reviewed yet"),
        ({"op": "dedupe", "codes": ["pii_email"]}, "does not know 'pii_email'"),
        ({"op": "redact", "kinds": []}, "no kind"),
        ({"op": "redact", "kinds": ["name of the pet"]}, "does not know"),
        ({"op": "normalise", "unicode": "NFD"}, "cannot be 'NFD'"),
        ({"op": "normalise", "unicode": None, "invisible": False, "mojibake": False, "templates": False}, "nothing"),
        ({"op": "normalise", "templates": 1}, "true or false"),
        ({"op": "fix_roles", "rename": {"customer": "client"}}, "cannot become 'client'"),
        ({"op": "fix_roles", "rename": []}, "an object"),
        ({"op": ["drop"]}, "no repair"),
    ],
)
def test_it_refuses_with_a_sentence(tmp_path: Path, operation: dict[str, Any], says: str) -> None:
    audit_rows(tmp_path, many(5))
    with pytest.raises(DataError, match=says) as caught:
        repair(tmp_path / "rows.jsonl", tmp_path / "audit", [operation], tmp_path / "out.jsonl")
    assert caught.value.remedy and not (tmp_path / "out.jsonl").exists()


def test_the_reviewed_row_and_the_longest_are_kept(tmp_path: Path) -> None:
    from engine.data.records import row_id

    rows = [qa("Where is it?", "here"), qa("where is it", "Here."), *many(3), qa("Where is it??", "HERE!!!")]
    audit_rows(tmp_path, rows)

    def kept(**more: Any) -> list[Any]:
        operation = {"op": "dedupe", "codes": ["normalised_duplicate"], **more}
        repair(tmp_path / "rows.jsonl", tmp_path / "audit", [operation], tmp_path / "out.jsonl")
        written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        return [row for row in written if row not in many(3)]

    assert kept() == [rows[0]]
    assert kept(keep="longest") == [rows[5]]
    assert kept(keep="reviewed", reviewed=[row_id(rows[1]), "no identity"]) == [rows[1]]
    assert kept(keep="reviewed", reviewed=["0" * 64]) == [rows[0]]


def test_a_copy_stays_when_the_first_is_taken_away_for_another_reason(tmp_path: Path) -> None:
    rows = many(4)
    audit_rows(tmp_path, [*rows, rows[0]])
    operations: list[dict[str, Any]] = [{"op": "drop", "numbers": [1]}, {"op": "dedupe"}]
    result = repair(tmp_path / "rows.jsonl", tmp_path / "audit", operations, tmp_path / "out.jsonl")
    assert result["dropped"] == {"chosen": 1} and result["rows_out"] == 4
