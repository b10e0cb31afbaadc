"""Metrics by cases, hostile text among them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.evaluation.metrics import (
    METRICS,
    Outcome,
    aggregate_scorer,
    check_names,
    metrics_for,
    row_scorer,
)
from engine.evaluation.metrics.labels import named_label
from engine.evaluation.metrics.reading import MISSING, lenient_json, same_value, strict_json

LABELS = ("billing", "lost card", "card", "other")
DEEP = "[" * 100_000 + "]" * 100_000


def score(name: str, text: str, reference: str, labels: tuple[str, ...] = LABELS) -> float | None:
    return row_scorer(name).score(Outcome(text, reference, labels))


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("Paris", "paris.", 1),
        ("  “Paris” \n", "Paris", 1),
        ("Paris, France", "Paris", 0),
        ("", "Paris", 0),
        ("C++", "C", 0),
        ("...", "...", 1),
        ("...", "!!!", 0),
        ("ﬁne", "fine", 1),
        ("STRASSE", "straße", 1),
        ('{"b": 2, "a": 1}', '{"a":1,"b":2}', 1),
        ('{"a": 1.0}', '{"a": 1}', 1),
        ('{"a": true}', '{"a": 1}', 0),
        ('{"a": "1"}', '{"a": 1}', 0),
        ('{"a": [2, 1]}', '{"a": [1, 2]}', 0),
        ('```json\n{"a": 1}\n```', '{"a": 1}', 0),
        ('{"a": 1} thanks', '{"a": 1}', 0),
        (DEEP, '{"a": 1}', 0),
        ('{"a": null}', '{"a": null}', 1),
        ("{}", "[]", 0),
    ],
)
def test_it_matches_exactly_by_value(text: str, reference: str, expected: int) -> None:
    assert score("exact_match", text, reference) == expected


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


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Billing.", "billing"),
        ("The label is: billing", "billing"),
        ("lost card", "lost card"),
        ("This is about a LOST CARD", "lost card"),
        ("card", "card"),
        ("billing or card", ""),
        ("discard", ""),
        ("billing billing billing", "billing"),
        ("", ""),
        ("<script>billing</script>", "billing"),
    ],
)
def test_it_reads_the_one_label_an_answer_names(text: str, named: str) -> None:
    assert named_label(text, LABELS) == named
    assert score("accuracy", text, "billing") == float(named == "billing")


def test_it_averages_f1_over_labels() -> None:
    scorer = aggregate_scorer("macro_f1")
    pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("b", "b"), ("c", "nonsense"), ("c", "a")]
    rows = scorer.encode([Outcome(text, wanted, ("a", "b", "c")) for wanted, text in pairs])
    # a: tp 1, said 2, wanted 2 -> 0.5; b: tp 2, said 3, wanted 2 -> 0.8; c: none said -> 0
    assert scorer.statistic(rows) == pytest.approx((0.5 + 0.8 + 0.0) / 3)
    assert scorer.statistic(rows[:0]) == 0.0
    assert rows.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("the cat sat", "the cat sat", 1.0),
        ("cat", "the cat sat on", 0.4),
        ("cat cat cat", "cat", 0.5),
        ("dog", "cat", 0.0),
        ("", "cat", 0.0),
        ("!", "?", 1.0),
        ("東京です", "東京", 2 * 2 / 6),
    ],
)
def test_it_measures_overlap_of_words(text: str, reference: str, expected: float) -> None:
    assert score("token_f1", text, reference) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("It is Paris, sure", "Paris.", 1),
        ("comparison", "Paris", 0),
        ("a.*b", ".*", 1),
        ("ab", ".*", 0),
        ("x", "", 0),
    ],
)
def test_it_finds_a_reference_as_whole_words(text: str, reference: str, expected: int) -> None:
    assert score("contains", text, reference) == expected


def test_it_passes_length_and_latency_through() -> None:
    outcome = Outcome("x", "x", latency_s=0.25, tokens_out=7)
    assert row_scorer("length").score(outcome) == 7
    assert row_scorer("latency").score(outcome) == 0.25
    assert row_scorer("latency").score(Outcome("x", "x")) is None


@settings(max_examples=150, deadline=None)
@given(st.text(), st.text(min_size=1))
def test_it_scores_any_text_without_raising(text: str, reference: str) -> None:
    for name, metric in METRICS.items():
        if metric.kind == "aggregate":
            rows = aggregate_scorer(name).encode([Outcome(text, reference, (reference,))])
            assert 0 <= aggregate_scorer(name).statistic(rows) <= 1
        else:
            value = score(name, text, reference, (reference,))
            assert value is None or metric.direction == "none" or 0 <= value <= 1


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


def test_it_chooses_metrics_by_task_with_the_primary_first() -> None:
    assert metrics_for("classification")[0] == "accuracy"
    assert metrics_for("extraction")[0] == "exact_match"
    assert metrics_for("text")[0] == metrics_for("chat")[0] == "token_f1"
    assert "json_valid" in metrics_for("text", references_are_json=True)
    assert "macro_f1" not in metrics_for("extraction")
    with pytest.raises(EngineError, match="Unknown task type"):
        metrics_for("poetry")


def test_it_names_the_metrics_there_are_when_one_is_unknown() -> None:
    assert check_names(["exact_match"]) == ["exact_match"]
    with pytest.raises(EngineError) as error:
        check_names(["os.system"])
    assert "exact_match" in error.value.remedy


def test_it_has_one_file_for_each_metric() -> None:
    for name, metric in METRICS.items():
        module = aggregate_scorer(name) if metric.kind == "aggregate" else row_scorer(name)
        assert hasattr(module, "statistic" if metric.kind == "aggregate" else "score"), name
