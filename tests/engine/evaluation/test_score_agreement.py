"""Exact match, contains, regular expressions and numbers, by cases."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.evaluation.metrics import Outcome, row_scorer

DEEP = "[" * 100_000 + "]" * 100_000


def score(name: str, text: str, reference: str, options: dict[str, Any] | None = None) -> float | None:
    return row_scorer(name, options).score(Outcome(text, reference))


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


@pytest.mark.parametrize(
    ("text", "reference", "options", "expected"),
    [
        ("order 4711 is late", r"\b\d{4}\b", {}, 1),
        ("order 47 is late", r"\b\d{4}\b", {}, 0),
        ("YES", "yes", {}, 0),
        ("YES", "yes", {"ignore_case": True}, 1),
        ("yes, of course", "yes", {"where": "whole"}, 0),
        (" yes\n", "yes", {"where": "whole"}, 1),
        ("ticket AB-12", "not looked at", {"pattern": r"[A-Z]{2}-\d+"}, 1),
        ("x", "(", {}, None),
        ("x", r"(?=x)x", {}, None),
        ("x", "", {}, None),
        ("日本", "^.{2}$", {}, 1),
        ("\ud800x", "x$", {}, 1),
    ],
)
def test_it_matches_patterns(text: str, reference: str, options: dict[str, Any], expected: float | None) -> None:
    assert score("regex", text, reference, options) == expected


def test_it_says_what_is_wrong_with_a_pattern() -> None:
    for pattern, word in (("(", "missing"), ("(?=a)", "invalid"), ("a" * 3000, "2000"), ("(a{1000}){1000}", "")):
        with pytest.raises(EngineError) as error:
            row_scorer("regex", {"pattern": pattern})
        assert "metric_options.regex.pattern" in error.value.text
        assert word in error.value.text


def test_a_pattern_that_elsewhere_never_ends_is_answered() -> None:
    """(a+)+$ on forty letters takes a backtracking engine longer than the sun will last."""
    assert score("regex", "a" * 50_000 + "!", "^(a+)+$") == 0
    assert score("regex", "a" * 5_000, "(a|aa)*b|(a*)*c") == 0


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("The answer is 42.", "42", 1),
        ("3 apples and 4 pears make 7", "#### 7", 1),
        ("7 is more than 4", "7", 0),
        ("1,234.50", "1234.5", 1),
        ("1.234,50 €", "1234.5", 1),
        ("1 234 567", "1234567", 1),
        ("1\u202f234", "1234", 1),
        ("1'234'567", "1234567", 1),
        ("$1,200", "1200", 1),
        ("1,200,300", "1200300", 1),
        ("3,5", "3.5", 1),
        ("in 1999 there were 12", "12", 1),
        ("-5", "−5", 1),
        ("-5", "5", 0),
        ("45 %", "0.45", 1),
        ("45", "45%", 1),
        ("0.45", "45%", 1),
        ("45%", "45", 1),
        ("1e3", "1000", 1),
        (".5", "0.5", 1),
        ("0.30000000000000004", "0.3", 1),
        ("none", "5", 0),
        ("5", "none", None),
        ("9" * 100_000, "5", 0),
        ("1e9999", "5", 0),
        ("v2.x", "2", 0),
    ],
)
def test_it_reads_the_last_number(text: str, reference: str, expected: float | None) -> None:
    assert score("numeric", text, reference) == expected


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("100.9", {"absolute": 1.0}, 1),
        ("101.1", {"absolute": 1.0}, 0),
        ("102", {"relative": 0.02}, 1),
        ("102.1", {"relative": 0.02}, 0),
        ("100 of 200", {"which": "first"}, 1),
        ("100 of 200", {"which": "only"}, 0),
        ("100, I say 100", {"which": "only"}, 1),
    ],
)
def test_it_takes_a_number_within_the_tolerance(text: str, options: dict[str, Any], expected: float) -> None:
    assert score("numeric", text, "100", options) == expected


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_it_reads_every_number_that_python_writes(value: float) -> None:
    assert score("numeric", f"It is {value!r}.", repr(value)) == 1
    assert score("numeric", f"about {value:,.2f}", f"{value:.2f}") == 1


def test_options_that_are_not_there_are_refused_with_those_that_are() -> None:
    with pytest.raises(EngineError) as error:
        row_scorer("numeric", {"tolerance": 1})
    assert "absolute" in error.value.remedy
    with pytest.raises(EngineError, match=r"no option"):
        row_scorer("exact_match", {"tolerance": 1})
    with pytest.raises(EngineError, match=r"metric_options\.numeric\.relative"):
        row_scorer("numeric", {"relative": -1.0})
    assert json.dumps(score("numeric", "5", "5", {"which": "last"})) == "1.0"
