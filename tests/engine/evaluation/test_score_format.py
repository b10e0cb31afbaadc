"""Format: strict and lenient JSON, fields, schema, completeness and slots, hostile text among them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.evaluation.metrics import Outcome, aggregate_scorer, detail_of, row_scorer
from engine.evaluation.metrics.reading import MISSING, lenient_json, same_value, strict_json

DEEP = "[" * 100_000 + "]" * 100_000


def score(name: str, text: str, reference: str, options: dict[str, Any] | None = None) -> float | None:
    return row_scorer(name, options).score(Outcome(text, reference))


@pytest.mark.parametrize(
    ("text", "strict", "lenient"),
    [
        ('{"a": 1}', 1, 1),
        ("  [1, 2]\n", 1, 1),
        ('Sure! {"a": 1}', 0, 1),
        ('```json\n{"a": 1}\n```', 0, 1),
        ("```\nnothing\n``` but [1]", 0, 1),
        ('{"a": 1,}', 0, 0),
        ("{'a': 1}", 0, 0),
        ('{"a": NaN}', 0, 0),
        ('{"a": 1, "a": 2}', 0, 0),
        ('{"a": 1}{"b": 2}', 0, 1),
        ("42", 0, 0),
        ('"text"', 0, 0),
        ("null", 0, 0),
        ("", 0, 0),
        ("\ufeff{}", 0, 1),
        ('{"a": "\x00"}', 0, 0),
        (DEEP, 0, 0),
        ("[" * 100_000, 0, 0),
        ('{"n": ' + "9" * 10_000 + "}", 0, 0),
        ('{"a": "\\ud800"}', 1, 1),
        ("\ud800", 0, 0),
    ],
)
def test_it_judges_json_strictly_and_leniently_apart(text: str, strict: int, lenient: int) -> None:
    assert score("json_valid", text, "{}") == strict
    assert score("json_lenient", text, "{}") == lenient


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "b": {"c": "x", "d": [1, 2]}}', 1.0),
        ('```{"b": {"c": "x", "d": [1, 2]}, "a": 1}```', 1.0),
        ('{"a": 1, "b": {"c": "y", "d": [1, 2]}}', 0.75),
        ('{"a": 1, "b": {"c": "x", "d": [1]}}', 0.75),
        ('{"a": 1, "b": {"c": "x", "d": [1, 2]}, "extra": 0}', 0.8),
        ('{"a": 1}', 0.25),
        ("{}", 0.0),
        ("no idea", 0.0),
        (DEEP, 0.0),
    ],
)
def test_it_counts_fields(text: str, expected: float) -> None:
    assert score("json_fields", text, '{"a": 1, "b": {"c": "x", "d": [1, 2]}}') == pytest.approx(expected)


def test_it_says_nothing_of_fields_where_the_reference_is_no_json() -> None:
    assert score("json_fields", '{"a": 1}', "plain text") is None


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), JSON_VALUES))
def test_it_reads_back_every_object_that_json_writes(value: dict[str, object]) -> None:
    text = json.dumps(value)
    assert same_value(strict_json(text), value)
    assert lenient_json(f"Here it is:\n```json\n{text}\n```") is not MISSING
    assert score("exact_match", json.dumps(value, indent=1), text) == 1
    assert score("json_fields", text, text) == 1


def test_it_stays_quick_on_a_page_of_brackets() -> None:
    assert lenient_json("[{" * 200_000) is MISSING
    assert lenient_json("```" * 200_000) is MISSING


SCHEMA = {
    "type": "object",
    "required": ["kind", "amount"],
    "properties": {"kind": {"enum": ["refund", "bug"]}, "amount": {"type": "number", "minimum": 0}},
    "additionalProperties": False,
}


def follows(text: str, schema: Any, options: dict[str, Any] | None = None) -> float | None:
    return row_scorer("json_schema", options).score(Outcome(text, "", schema=schema))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"kind": "refund", "amount": 3}', 1),
        ('{"kind": "refund"}', 0),
        ('{"kind": "other", "amount": 3}', 0),
        ('{"kind": "bug", "amount": -1}', 0),
        ('{"kind": "bug", "amount": true}', 0),
        ('{"kind": "bug", "amount": 1, "x": 1}', 0),
        ('Sure: {"kind": "bug", "amount": 1}', 0),
        (DEEP, 0),
        ("", 0),
    ],
)
def test_it_holds_answers_to_the_schema_of_their_row(text: str, expected: float) -> None:
    assert follows(text, SCHEMA) == expected


def test_one_schema_may_stand_for_all_rows_and_a_row_s_own_goes_before_it() -> None:
    options = {"schema": json.dumps(SCHEMA)}
    assert follows('{"kind": "bug", "amount": 1}', None, options) == 1
    assert follows("{}", None, options) == 0
    assert follows("{}", {"type": "object"}, options) == 1
    assert follows("{}", None) is None


def test_a_schema_that_is_none_says_nothing_and_is_refused_for_an_evaluation() -> None:
    assert follows("{}", {"type": "nonsense"}) is None
    assert follows("{}", {"$ref": "http://127.0.0.1:9/schema"}) is None
    for schema, words in (("{", "not JSON"), ("[]", "JSON object"), ('{"type": "nonsense"}', "wrong at type")):
        with pytest.raises(EngineError) as error:
            row_scorer("json_schema", {"schema": schema})
        assert words in error.value.text


def test_a_schema_that_never_ends_fails_its_row_and_no_other() -> None:
    endless = {"properties": {"a": {"pattern": "^(a+)+$"}}}
    assert follows('{"a": "' + "a" * 60 + '!"}', endless) == 0
    laughs: dict[str, Any] = {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(40)}
    assert follows("{}", {"$defs": laughs | {"a40": {}}, "$ref": "#/$defs/a0"}) == 0
    assert follows("{}", {"$ref": "#"}) == 0
    assert follows('{"kind": "bug", "amount": 1}', SCHEMA) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 9, "b": {"c": "z", "d": [7]}}', 1.0),
        ('Here: {"a": 0, "b": {"c": "", "d": []}}', 1 / 3),
        ('{"a": null, "b": {"c": "x"}}', 1 / 3),
        ("{}", 0.0),
        ("none", 0.0),
        (DEEP, 0.0),
    ],
)
def test_it_counts_the_fields_that_are_filled(text: str, expected: float) -> None:
    reference = '{"a": 1, "b": {"c": "x", "d": [1, 2]}, "e": null, "f": ""}'
    assert score("json_complete", text, reference) == pytest.approx(expected)
    assert score("json_complete", text, "no JSON") is None


def slots(rows: list[tuple[str, str]]) -> dict[str, float]:
    outcomes = [Outcome(text, reference) for text, reference in rows]
    scorers = {name: aggregate_scorer(f"slot_{name}") for name in ("precision", "recall", "f1")}
    return {name: scorer.statistic(scorer.encode(outcomes)) for name, scorer in scorers.items()}


def test_it_counts_slots_over_all_rows() -> None:
    rows = [
        ('{"city": "paris", "day": "Monday"}', '{"city": "Paris", "day": "Tuesday"}'),
        ('{"city": ["Rome", "Oslo"]}', '{"city": ["Oslo", "Rome", "Bonn"]}'),
        ("no idea", '{"seats": 2}'),
        ('{"seats": "2"}', "{}"),
    ]
    # right: Paris, Rome, Oslo; given: 2 + 2 + 0 + 1; wanted: 2 + 3 + 1 + 0
    found = slots(rows)
    assert found["precision"] == pytest.approx(3 / 5)
    assert found["recall"] == pytest.approx(3 / 6)
    assert found["f1"] == pytest.approx(2 * 0.6 * 0.5 / 1.1)
    detail = detail_of("slot_f1", [Outcome(text, reference) for text, reference in rows])
    assert detail is not None
    by_slot = {line["slot"]: line for line in detail["slots"]}
    assert by_slot["city"]["precision"] == 1
    assert by_slot["city"]["recall"] == pytest.approx(3 / 4)
    assert by_slot["seats"]["f1"] == 0


def test_rows_with_nothing_to_find_are_right_when_nothing_is_given() -> None:
    assert slots([("{}", "{}")]) == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert slots([('{"a": 1}', "{}")])["f1"] == 0
    assert slots([]) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
