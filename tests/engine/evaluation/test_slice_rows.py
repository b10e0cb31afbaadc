"""Rows by what is known of them: the facts, the comparison on each slice, and the slice that a whole hides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from engine.evaluation.cases import read_cases
from engine.evaluation.facts import facts_of, nearness, thirds
from engine.evaluation.floors import floors
from engine.evaluation.slices import MOST_VALUES, SMALL, hidden_by, left_out, slice_rows, slices_of
from tests.engine.evaluation.answered import answers, case


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row(prompt: str, answer: str = "billing", **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **more}


GERMAN = "Ich möchte wissen, wann meine Bestellung ankommt, denn ich warte schon seit zwei Wochen auf das Paket."
ENGLISH = "I would like to know when the order will arrive, for I have been waiting with patience for the parcel."


def test_it_knows_of_each_row_what_slices_need(tmp_path: Path) -> None:
    file = written(
        tmp_path / "test.jsonl",
        [
            row(GERMAN, "shipping", source="mail", difficulty="hard"),
            row(ENGLISH * 3, "shipping", source="chat", difficulty="easy"),
            row("Refund?", "billing", source="mail", difficulty="easy"),
        ],
    )
    cases = read_cases(file, "", None, 42)
    facts = facts_of(cases, file, "classification", {cases[1].row_id: ["vip", "late"]})
    assert [known.get("label") for known in facts] == ["shipping", "shipping", "billing"]
    assert [known.get("language") for known in facts] == ["de", "en", None]
    assert [known.get("length") for known in facts] == ["medium", "long", "short"]
    assert [known.get("source") for known in facts] == ["mail", "chat", "mail"]
    assert [known.get("difficulty") for known in facts] == ["hard", "easy", "easy"]
    assert facts[1]["tags"] == ["late", "vip"] and "tags" not in facts[0]
    assert all("label" not in known for known in facts_of(cases, file, "extraction"))


def test_a_row_is_the_harder_the_farther_it_is_from_what_was_trained_on(tmp_path: Path) -> None:
    known = [f"The parcel number {n} did not arrive on time, where is it?" for n in range(30)]
    training = written(tmp_path / "train.jsonl", [row(prompt) for prompt in known])
    prompts = ["The parcel number 99 did not arrive on time, where is it?"] * 5 + ["Whales sing in cold water."] * 5
    file = written(tmp_path / "test.jsonl", [row(prompt) for prompt in prompts])
    facts = facts_of(read_cases(file, "", None, 42), file, "text", training=training)
    assert [one["difficulty"] for one in facts] == ["near training"] * 5 + ["far from training"] * 5
    near = nearness(prompts, known)
    assert near[0] > 0.9 and near[-1] < 0.2


def test_prompts_are_put_into_topics(tmp_path: Path) -> None:
    kinds = ("the parcel is late and the driver lost the box", "the invoice shows a wrong charge on my card")
    prompts = [f"{kinds[n % 2]}, order {n}" for n in range(60)]
    file = written(tmp_path / "test.jsonl", [row(prompt) for prompt in prompts])
    facts = facts_of(read_cases(file, "", None, 42), file, "text")
    clusters = [one["cluster"] for one in facts]
    assert len(set(clusters)) == 2 and set(clusters[::2]) != set(clusters[1::2])


def test_lengths_that_are_all_alike_make_no_slices() -> None:
    assert thirds([5, 5, 5, 6]) == []
    assert sorted(set(thirds(list(range(30))))) == ["long", "medium", "short"]


def test_one_value_alone_is_the_whole_and_no_slice() -> None:
    assert slice_rows([{"language": "en"}] * 30) == {}
    assert slice_rows([{"language": "en"}] * 30 + [{}]) == {("language", "en"): list(range(30))}
    many = [{"source": f"s{n:03d}"} for n in range(MOST_VALUES + 7)]
    assert len(slice_rows(many)) == MOST_VALUES and left_out(many) == {"source": 7}


def sliced(n_large: int = 200, n_lost: int = 60) -> tuple[Any, list[dict[str, Any]]]:
    """A candidate that wins the large part and loses a smaller one, with a handful beside."""
    facts = [{"source": "mail"}] * n_large + [{"source": "chat"}] * n_lost + [{"source": "fax"}] * 5
    cases = [case(at, **known) for at, known in enumerate(facts)]
    rng = np.random.default_rng(3)
    old = (rng.random(len(cases)) < 0.5).astype(float)
    new = old.copy()
    new[:n_large] = 1.0
    new[n_large : n_large + n_lost] = np.where(rng.random(n_lost) < 0.8, 0.0, old[n_large : n_large + n_lost])
    new[-5:] = 0.0
    scores = {"base": {"accuracy": old}, "tuned": {"accuracy": new}}
    return answers(cases, scores), facts


def test_the_worst_slice_comes_first_and_small_ones_are_not_judged() -> None:
    known, facts = sliced()
    found = slices_of(known, facts, ["base", "tuned"], "base", "accuracy")
    assert [(one["value"], one["n"], one["small"]) for one in found] == [
        ("chat", 60, False), ("mail", 200, False), ("fax", 5, True),
    ]  # fmt: skip
    assert [one["comparisons"]["tuned"]["verdict"] for one in found] == ["worse", "better", "no difference shown"]
    assert found[2]["comparisons"]["tuned"]["p_adjusted"] is None
    worst = found[0]["comparisons"]["tuned"]
    assert worst["p_adjusted"] >= worst["p"] and worst["high"] < 0
    assert found[0]["systems"]["base"]["low"] < found[0]["systems"]["base"]["value"]
    assert SMALL == 20


def test_it_warns_of_a_slice_that_got_worse_behind_a_better_whole() -> None:
    known, facts = sliced()
    found = slices_of(known, facts, ["base", "tuned"], "base", "accuracy")
    (warning,) = hidden_by(found, {"tuned": {"verdict": "better"}}, {"tuned": "Tuned"})
    assert (warning["by"], warning["value"], warning["candidate"]) == ("source", "chat", "tuned")
    assert warning["sentence"] == "Tuned is better over all rows and worse on source “chat” (60 rows)."
    assert hidden_by(found, {"tuned": {"verdict": "worse"}}, {"tuned": "Tuned"}) == []


def test_slices_of_like_with_like_are_rarely_called_worse() -> None:
    """Thirty slices, none of them different: under Holm at most one draw in twenty says so of any."""
    rng = np.random.default_rng(5)
    alarms = 0
    facts = [{"source": f"s{at % 10}"} for at in range(400)]
    cases = [case(at, **known) for at, known in enumerate(facts)]
    for _ in range(60):
        skill = rng.random(400)
        old, new = (rng.random((2, 400)) < skill).astype(float)
        known = answers(cases, {"base": {"accuracy": old}, "tuned": {"accuracy": new}})
        found = slices_of(known, facts, ["base", "tuned"], "base", "accuracy")
        alarms += any(one["comparisons"]["tuned"]["verdict"] != "no difference shown" for one in found)
    # Binomial, 60 draws at 5 %: ten or more happen once in four thousand, and the seed is fixed.
    assert alarms < 10


def test_answers_without_a_model_make_a_floor() -> None:
    cases = [case(at, prompt="no" if at == 9 else "What?", reference="yes" if at < 7 else "no") for at in range(10)]
    found = floors(cases, ("yes", "no"), ["accuracy", "exact_match", "macro_f1", "length", "latency"], 42)
    assert found["majority"]["metrics"]["exact_match"]["value"] == 0.7
    assert found["empty_json"]["metrics"]["exact_match"]["value"] == 0.0
    assert found["copy_prompt"]["metrics"]["exact_match"]["value"] == 0.1
    assert set(found["majority"]["metrics"]) == {"accuracy", "exact_match"}
    assert set(floors(cases, (), ["exact_match"], 42, {"majority"})) == {"empty_json", "copy_prompt"}
