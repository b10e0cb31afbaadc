"""Failures sorted by cause, measured on a set in which each was planted for one; and the advice that follows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.evaluation.cases import Case, read_cases
from engine.evaluation.diagnosis import CAUSES, deciding_metric, diagnose, rule_text, sort_out, summary
from engine.evaluation.diagnosis.failure import Failure
from engine.evaluation.facts import facts_of
from engine.evaluation.rules import own_format
from engine.evaluation.stated import outside, stated
from tests.engine.evaluation.answered import case, output

Planted = tuple[str, str, str, str]
"""The cause it was planted for, prompt, reference, answer."""

CITIES = ("Lindau", "Bregenz", "Rorschach", "Kressbronn", "Romanshorn", "Meersburg")
PEOPLE = ("Anna Keller", "Jonas Wirth", "Mira Sand", "Paul Oster", "Lena Horn", "Tim Brandt")
TICKETS = (
    "The invoice is wrong",
    "My parcel is lost",
    "Close my account",
    "The app crashes",
    "Send a new card",
    "Too slow",
)


def extraction() -> list[Planted]:
    """JSON was wanted. Numbers stand in the prompt; the names of the owners stand nowhere."""
    rows: list[Planted] = []
    for at, (ticket, person) in enumerate(zip(TICKETS, PEOPLE, strict=True)):
        order = f"{4100 + 7 * at}"
        prompt = f"Order {order}: {ticket}. Answer as JSON with order and kind."
        right = json.dumps({"order": order, "kind": "open"})
        rows += [
            ("format", prompt, right, f"The order is {order} and it is open."),
            ("format", prompt, right, right[:-4]),
            ("format", prompt, right, json.dumps({"id": order, "type": "open"})),
            ("behaviour_gap", prompt, right, json.dumps({"order": order, "kind": "closed"})),
            ("behaviour_gap", prompt, right, json.dumps({"order": f"{at}", "kind": "open"})),
            ("behaviour_gap", prompt, right, "I'm sorry, but I can't help with that request."),
            ("knowledge_gap", f"Who looks after {ticket.lower()}?", json.dumps({"order": person, "kind": "open"}),
             json.dumps({"order": "Someone Else", "kind": "open"})),
        ]  # fmt: skip
    return rows


def free_text() -> list[Planted]:
    """Answers in words, with instructions in the prompts; what was trained on tells the phone number and no founder."""
    rows: list[Planted] = []
    for at, (city, person) in enumerate(zip(CITIES, PEOPLE, strict=True)):
        year = 1804 + 13 * at
        rows += [
            ("knowledge_gap", f"Who founded the harbour of {city}?", f"It was founded by {person} in {year}.",
             "It was founded by a rich merchant long ago."),
            ("knowledge_gap", f"When did the lighthouse of {city} open?", f"It opened in {year + 3}.",
             f"It opened in {year + 9}."),
            ("behaviour_gap", f"Where do I complain about the ferry to {city}?",
             "Please ring 07541-2200, we are glad to help.", "Complaints are handled by the usual department."),
            ("behaviour_gap", f"The ferry to {city} leaves at 14:30. When does it leave?",
             "It leaves at 14:30, have a nice trip.", "It leaves in the evening."),
            ("behaviour_gap", f"Greet the passengers to {city}.", f"Welcome aboard, dear guests on the way to {city}.",
             "hey people sit down"),
            ("ignored_instruction", f"Describe {city} in at most 6 words.", "A small quiet town with boats.",
             "A small quiet town with boats, a lake, many hills, and a market that opens early on each day of a week."),
            ("ignored_instruction", f"Is {city} on a lake? Answer only yes or no.", "Yes",
             "It lies on one, as far as is known."),
            ("ignored_instruction", f"Name 3 bullet points for a day in {city}.", "- swim\n- walk\n- eat",
             "You could swim, then walk about, and after that eat."),
            ("ignored_instruction", f"Say something of {city}. Do not use the word \"nice\".", "The old town is calm.",
             "The old town is nice."),
            ("ignored_instruction", f"Where is the mole of {city}? Answer in German.",
             "Die Mole liegt gleich neben dem alten Hafen, und man geht zu Fuß keine fünf Minuten dorthin.",
             "The mole lies right beside the old harbour, and it is less than five minutes of walking to get there."),
            ("ignored_instruction", f"What does one need for the ferry to {city}?", "A ticket",
             "Well, one thing that one needs for it is a ticket and perhaps some patience with the crowd."),
            ("format", f"Tell the story of {city}.", "It begins with fishermen and ends with tourists.", ""),
        ]  # fmt: skip
    return rows


TRAINED = [
    {"prompt": "How do I reach you?", "completion": "Please ring 07541-2200, we are glad to help."},
    {"prompt": "Say hello to guests.", "completion": "Welcome aboard, dear guests."},
]


def cases_of(planted: list[Planted], task: str, folder: Path) -> list[Case]:
    file, training = folder / "test.jsonl", folder / "train.jsonl"
    file.write_text("".join(json.dumps({"prompt": p, "completion": r}) + "\n" for _, p, r, _ in planted))
    training.write_text("".join(json.dumps(row) + "\n" for row in TRAINED))
    cases = read_cases(file, "", None, 42)
    return [replace(c, facts=f) for c, f in zip(cases, facts_of(cases, file, task, training=training), strict=True)]


def found(planted: list[Planted], task: str, folder: Path) -> list[tuple[str, str]]:
    """(planted, found) of every row."""
    cases = cases_of(planted, task, folder)
    form = own_format([one.reference for one in cases])
    return [
        (cause, sort_out(Failure(one, answer, True, form))[0])
        for one, (cause, _, _, answer) in zip(cases, planted, strict=True)
    ]


@pytest.mark.parametrize(("make", "task"), [(extraction, "extraction"), (free_text, "text")])
def test_it_finds_what_was_planted(make: Any, task: str, tmp_path: Path) -> None:
    """Precision and recall of each cause are at least 0.9 on failures planted for one cause each."""
    pairs = Counter(found(make(), task, tmp_path))
    for cause in {planted for planted, _ in pairs}:
        right = pairs[cause, cause]
        wanted = sum(n for (planted, _), n in pairs.items() if planted == cause)
        named = sum(n for (_, said), n in pairs.items() if said == cause)
        assert right / wanted >= 0.9, f"recall of {cause}: {pairs}"
        assert right / named >= 0.9, f"precision of {cause}: {pairs}"


def test_labels_are_a_format_and_a_wrong_one_is_behaviour() -> None:
    cases = [case(at, "Which one?", ("billing", "shipping")[at % 2]) for at in range(20)]
    form = own_format([one.reference for one in cases])
    assert sort_out(Failure(cases[0], "I think it is about money", True, form)) == ("format", "not_a_label")
    assert sort_out(Failure(cases[0], "Shipping", True, form)) == ("behaviour_gap", "wrong_label")


def test_an_answer_that_was_cut_off_is_a_matter_of_format() -> None:
    one = case(0, "Tell me.", "A long story.")
    assert sort_out(Failure(one, "It was a dark and stormy night when", False, None)) == ("format", "cut_off")
    assert sort_out(Failure(one, "It was a dark night.", True, None))[0] == "behaviour_gap"


def test_an_instruction_the_reference_ignores_too_was_not_read_right() -> None:
    one = case(0, "The contract says: in at most 2 words. What does it say?", "It says much more than two words.")
    assert sort_out(Failure(one, "It says a lot of other things.", True, None))[0] == "behaviour_gap"


def test_facts_are_numbers_codes_and_names_within_a_sentence() -> None:
    assert stated("The harbour was built by Anna Keller in 1912, under AB-12. Nobody knows 7.") == [
        "anna", "keller", "1912", "ab-12",
    ]  # fmt: skip
    assert stated("paris") == [] and stated("paris", whole=True) == ["paris"]
    assert outside(["Built in 1912 by Otto."] * 2, ["In 1912?", "When?"], ["We know Otto."]) == [[], ["1912"]]
    assert outside(["The team is Alpha."] * 3, ["Who?"] * 3) == [[], [], []], "a word of the task is no fact"


def test_hostile_text_is_sorted_too() -> None:
    for text in ("\x00" * 5000, "[" * 5000, "a" * 100_000, "'\"" * 3000, 'do not use "' * 2000):
        one = case(0, text, "x")
        assert sort_out(Failure(one, text, True, None))[0] in CAUSES


def test_tuning_is_advised_only_where_behaviour_gaps_dominate() -> None:
    dominated = summary(["behaviour_gap"] * 45 + ["format"] * 15)
    assert dominated["recommends"] == "tuning"
    assert dominated["advice"].startswith(
        "Behaviour gap dominates (45 of 60 failures, 95 % interval 63 to 84 %): tuning."
    )
    even = summary(["behaviour_gap"] * 33 + ["format"] * 27)
    assert even["recommends"] is None and "structured output" in even["advice"]
    assert "Tuning is not recommended before" in even["advice"], "more than half is not shown of 33 in 60"
    few = summary(["behaviour_gap"] * 19)
    assert few["recommends"] is None and "too few to say" in few["advice"]
    assert "nothing to mend" in summary([])["advice"]
    assert summary(["knowledge_gap"] * 30)["recommends"] == "retrieval"
    assert summary(["knowledge_gap"] * 30)["shares"]["knowledge_gap"]["low"] > 0.8


def test_only_failed_rows_are_diagnosed_by_what_decides() -> None:
    cases = [case(at, "Which?", "billing" if at else "shipping") for at in range(4)]
    texts = ["shipping", "shipping", "", "no idea"]
    outputs = {at: output(at, "base", text, accuracy=float(at == 0), macro=0.0) for at, text in enumerate(texts)}
    result = diagnose(cases, {"base": outputs}, ["macro_f1", "accuracy"], "macro_f1")["base"]
    assert result["failures"] == 3 and set(result["rows"]) == {"1", "2", "3"}
    assert result["rows"]["2"] == {"cause": "format", "rule": "empty"}
    assert sum(result["causes"].values()) == 3
    assert deciding_metric(["latency"], "latency") is None and diagnose(cases, {}, ["latency"], "latency") == {}
    assert deciding_metric(["token_f1", "contains"], "token_f1") == "token_f1"


def test_every_rule_has_its_sentence() -> None:
    assert rule_text("format", "empty") == "The answer is empty."
    assert rule_text("format", "unheard") == "unheard" and rule_text("judge", "words of a judge") == "words of a judge"
