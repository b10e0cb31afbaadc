"""Is an answer in the form asked for? And which form do a file's own answers have?"""

from __future__ import annotations

from typing import Any

import pytest

from engine.evaluation.rules import KINDS, follows, own_format, words

CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "json_object", "keys": ["a", "b"]}, '{"a": 1, "b": 2, "c": 3}', '{"a": 1}'),
    ({"kind": "json_object", "keys": []}, "{}", 'Here it is: {"a": 1}'),
    ({"kind": "json_array", "length": 2}, '["x", "y"]', '["x"]'),
    ({"kind": "choice", "options": ["yes", "no"]}, "Yes.", "Yes, it is."),
    ({"kind": "words", "most": 3}, "Hello there, friend", "Hello there, my friend"),
    ({"kind": "sentences", "most": 1}, "The sea is wide.", "The sea is wide. It is blue."),
    ({"kind": "bullets", "count": 2}, "- cat\n- dog", "cat\ndog"),
    ({"kind": "numbered", "count": 2}, "1. red\n2. blue", "1. red\n3. blue"),
    ({"kind": "numbered", "least": 2}, "1. boil\n2. pour\n3. wait", "First boil, then pour."),
    ({"kind": "contains", "words": ["river", "boat"]}, "A Boat on the river.", "A boat on the lake."),
    ({"kind": "starts", "text": "Certainly"}, "certainly, a chair is for sitting", "A chair, certainly"),
    ({"kind": "capitals"}, "COWS DRINK WATER", "Cows drink WATER"),
    ({"kind": "number"}, " 1945. ", "It ended in 1945"),
]


@pytest.mark.parametrize(("rule", "kept", "broken"), CASES)
def test_it_tells_a_kept_form_from_a_broken_one(rule: dict[str, Any], kept: str, broken: str) -> None:
    assert follows(kept, rule)
    assert not follows(broken, rule)
    assert not follows("", rule)


def test_it_covers_every_kind() -> None:
    assert {rule["kind"] for rule, _, _ in CASES} == KINDS


@pytest.mark.parametrize(
    ("answers", "rule"),
    [
        ([f'{{"kind": "bug", "order": {n}}}' for n in range(20)], {"kind": "json_object", "keys": ["kind", "order"]}),
        (['{"a": 1, "b": 2}'] * 18 + ['{"a": 1}'] * 3, {"kind": "json_object", "keys": ["a"]}),
        (["[1, 2]", "[3]"] * 5, {"kind": "json_array"}),
        (["billing", "returns"] * 5, {"kind": "choice", "options": ["billing", "returns"]}),
        ([f"A sentence about the number {n}." for n in range(10)], None),
        (["billing", '{"a": 1}'] * 5, None),
        ([], None),
    ],
)
def test_it_finds_the_form_that_a_files_answers_share(answers: list[str], rule: dict[str, Any] | None) -> None:
    assert own_format(answers) == rule


def test_it_names_a_form_in_words() -> None:
    assert words({"kind": "json_object", "keys": ["kind", "order"]}) == "one JSON object with kind, order"
    assert words({"kind": "choice", "options": ["a", "b"]}) == "one of 2 labels"
