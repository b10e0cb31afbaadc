"""What an answer is like, whatever was asked: refusing, repeating, length, time and cost."""

from __future__ import annotations

import pytest

from engine.evaluation.metrics import Outcome, row_scorer


def test_it_passes_length_and_latency_through() -> None:
    outcome = Outcome("x", "x", latency_s=0.25, tokens_out=7)
    assert row_scorer("length").score(outcome) == 7
    assert row_scorer("latency").score(outcome) == 0.25
    assert row_scorer("latency").score(Outcome("x", "x")) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two three four five six", 0.0),
        ("a b c d a b c d", 1 - 4 / 5),
        ("go go go go go go go go", 1 - 1 / 5),
        ("too short now", None),
        ("", None),
    ],
)
def test_it_counts_runs_of_words_said_before(text: str, expected: float | None) -> None:
    assert row_scorer("repetition").score(Outcome(text, "")) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The bill is late. " * 12, 1),
        ("hahahahahahahahahahahahahahaha", 1),
        ("The bill is late, and the clerk knows of it since Monday.", 0),
        ("", 0),
        (" ", 0),
    ],
)
def test_it_sees_an_answer_that_ends_in_a_loop(text: str, expected: float) -> None:
    assert row_scorer("loops").score(Outcome(text, "")) == expected


def test_it_flags_refusals() -> None:
    assert row_scorer("refused").score(Outcome("I'm sorry, but I can't help with that.", "")) == 1
    assert row_scorer("refused").score(Outcome("Here is how: 1. Mix. 2. Stir.", "")) == 0


def test_cost_is_told_for_a_thousand_requests() -> None:
    assert row_scorer("cost").score(Outcome("x", "", cost=0.002)) == pytest.approx(2)
    assert row_scorer("cost").score(Outcome("x", "")) is None
