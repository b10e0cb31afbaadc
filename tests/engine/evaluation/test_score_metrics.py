"""What holds for every metric: it bears any text, in time about its length, and its table is whole."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.evaluation.metrics import (
    METRICS,
    Outcome,
    aggregate_scorer,
    check_names,
    check_options,
    detail_of,
    metrics_for,
    options_of,
    row_scorer,
)
from engine.evaluation.metrics.reading import holds
from engine.training.options import describe

HOSTILE = (
    "(a+)+$",
    "[{" * 50,
    "\ud800",
    "\x00",
    "9" * 400,
    "```json",
    '{"name": "x", "arguments": ',
    "<function=",
    "%",
    "1,,",
)


TEXT = st.text() | st.lists(st.sampled_from(HOSTILE) | st.text(max_size=5), max_size=8).map("".join)


@settings(max_examples=150, deadline=None)
@given(TEXT, TEXT.filter(bool))
def test_it_scores_any_text_without_raising(text: str, reference: str) -> None:
    for name, metric in METRICS.items():
        outcome = Outcome(text, reference, (reference,), prompt=reference, tools=[], schema={"type": "object"})
        if metric.kind == "aggregate":
            rows = aggregate_scorer(name).encode([outcome, outcome])
            assert 0 <= aggregate_scorer(name).statistic(rows) <= 1, name
            json.dumps(detail_of(name, [outcome, outcome]))
        else:
            value = row_scorer(name).score(outcome)
            assert value is None or metric.direction == "none" or 0 <= value <= 1, name


@pytest.mark.parametrize(
    "unit", ["a", "a b ", "1,", "[{", '{"a":', "```", "I can't ", "\u4e2d", "<function=f>{}", "  \n", "é"]
)
def test_twice_the_text_takes_about_twice_the_time(unit: str) -> None:
    """Processor time of a metric on 8 times the text is within 24 times, with room for what starting costs."""
    short, long = (unit * (size // len(unit)) for size in (20_000, 160_000))
    slow = []
    for name, metric in METRICS.items():
        if name != "json_schema":  # bounded by a process of its own
            one, other = (seconds(name, metric.kind, text) for text in (short, long))
            if other > 24 * one + 0.2:
                slow.append((name, one, other))
    assert not slow


def seconds(name: str, kind: str, text: str) -> float:
    outcome = [Outcome(text, text[:-1] + "x", (text[:50],))]
    started = time.process_time()
    if kind == "aggregate":
        aggregate_scorer(name).encode(outcome)
    else:
        row_scorer(name).score(outcome[0])
    return time.process_time() - started


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


def test_few_metrics_are_shown_unasked() -> None:
    assert all(
        len(metrics_for(task, references_are_json=True)) <= 9 for task in ("classification", "extraction", "chat")
    )
    assert "json_schema" in metrics_for("text", facts=["schema"])
    assert "tool_call" in metrics_for("chat", facts=["tools"])
    assert "tool_call" not in metrics_for("chat")


def test_every_option_has_a_form_field_and_a_default_that_holds() -> None:
    set_ = [name for name in METRICS if options_of(name)]
    assert {"regex", "numeric", "json_schema", "bleu", "embedding_similarity"} == set(set_)
    for name in set_:
        options = options_of(name)
        assert options is not None
        defaults = {field.name: field.default for field in describe(options)}
        assert check_options({name: defaults}) == {name: defaults}
        assert all(field.label and field.why for field in describe(options))


@given(
    st.text("ab _é1.") | st.integers(0, 60).map("ab a".__mul__),
    st.text("ab _1") | st.integers(1, 50).map("ab a".__mul__),
)
def test_it_finds_whole_words_where_they_overlap(text: str, part: str) -> None:
    left = r"(?<!\w)" if part[:1].isalnum() or part[:1] == "_" else ""
    right = r"(?!\w)" if part[-1:].isalnum() or part[-1:] == "_" else ""
    assert holds(text, part) == bool(part and re.search(left + re.escape(part) + right, text))
