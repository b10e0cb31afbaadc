"""Blind review without any page: drawing and dealing rows, counting decisions, and making pairs of them."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from engine.data.formats import detect, to_example
from engine.evaluation.preferring import Shown, pairs
from engine.evaluation.review_drawing import deal, draw_rows, orders
from engine.evaluation.reviewing import LONGEST_VISIT_S, Decision, of_row, results, visit_seconds

AB = ("a", "b")


def won(row: int, who: str, system: str, order: tuple[str, ...] = AB, seconds: float = 5.0) -> Decision:
    return Decision(row, who, order, "won", (system,), system, seconds)


def drawn_answers(rows: int) -> dict[int, tuple[str | None, ...]]:
    """Every third row has equal answers, and row 7 lacks one."""
    found: dict[int, tuple[str | None, ...]] = {n: ("same", "same") if n % 3 == 0 else ("x", "y") for n in range(rows)}
    return found | {7: ("x", None)}


def test_it_draws_rows_by_seed_and_sets_equal_answers_aside() -> None:
    answers = drawn_answers(30)
    first = draw_rows(answers, 12, 1, only_different=False)
    assert first == draw_rows(answers, 12, 1, only_different=False)
    assert first != draw_rows(answers, 12, 2, only_different=False)
    assert len(first.rows) + len(first.equal) == 12
    assert all(row % 3 for row in first.rows)
    assert first.unanswered == 1
    assert 7 not in first.rows


def test_it_draws_only_rows_whose_answers_differ() -> None:
    found = draw_rows(drawn_answers(30), 12, 1, only_different=True)
    assert len(found.rows) == 12
    assert all(row % 3 for row in found.rows)
    assert found.equal == tuple(range(0, 30, 3))
    assert len(draw_rows(drawn_answers(30), 500, 1, only_different=True).rows) == 19


@pytest.mark.parametrize(("overlap", "shared"), [(0.0, 0), (0.25, 5), (1.0, 20)])
def test_it_deals_shared_rows_to_everybody_and_the_rest_to_one_each(overlap: float, shared: int) -> None:
    dealt = deal(range(20), (3, 8, 9), overlap, seed=5)
    seen = Counter(row for rows in dealt.values() for row in rows)
    assert set(seen) == set(range(20))
    assert Counter(seen.values()) == Counter({3: shared, 1: 20 - shared}) - Counter({3: 0, 1: 0})
    assert max(map(len, dealt.values())) - min(map(len, dealt.values())) <= 1
    assert dealt == deal(range(20), (3, 8, 9), overlap, seed=5)
    if overlap == 1.0:
        assert dealt[3] != dealt[8], "each person has an order of their own"


def test_a_single_reviewer_gets_every_row() -> None:
    assert sorted(deal(range(9), (4,), 0.1, seed=1)[4]) == list(range(9))


def test_every_order_is_used_equally_often_and_differs_between_people() -> None:
    two = orders(AB, 21, seed=1, reviewer=4)
    assert sorted(Counter(two).values()) == [10, 11]
    assert two != orders(AB, 21, seed=1, reviewer=5)
    three = Counter(orders("abc", 24, seed=1, reviewer=4))
    assert len(three) == 6
    assert set(three.values()) == {4}


def test_a_pause_does_not_count_as_time() -> None:
    assert visit_seconds(12.34, 60) == 12.3
    assert visit_seconds(500, 20) == 20, "never more than passed"
    assert visit_seconds(None, 40) == 40, "without a script, the time since it was shown"
    assert visit_seconds(None, 9000) == LONGEST_VISIT_S
    assert visit_seconds(float("nan"), 7) == 7
    assert visit_seconds(-5, 7) == 7


def test_a_majority_speaks_for_a_row() -> None:
    said = [won(1, "x", "a"), won(1, "y", "a"), won(1, "z", "b")]
    found = of_row(said)
    assert found is not None
    assert found.winners == ("a",)
    split = of_row(said[1:])
    assert split is not None
    assert split.kind == "tie"
    assert of_row([Decision(1, "x", AB, "skip")]) is None


def test_figures_of_two_systems_are_those_computed_by_hand() -> None:
    said = [won(n, "x", "a" if n < 15 else "b") for n in range(20)]
    said += [Decision(20, "x", AB, "tie"), Decision(21, "x", AB, "neither"), Decision(22, "x", AB, "skip")]
    found = results(said, AB, equal=3)
    assert (found["won"], found["ties"], found["neither"], found["skipped"], found["rows"]) == (20, 1, 1, 1, 22)
    wins = found["systems"]["a"]["wins"]
    assert (wins["value"], wins["n"]) == (0.75, 20)
    assert (wins["low"], wins["high"]) == (pytest.approx(0.5313, abs=5e-4), pytest.approx(0.8881, abs=5e-4))
    points = found["systems"]["a"]["points"]
    assert (points["value"], points["n"]) == (pytest.approx(17.5 / 25), 25)
    (pair,) = found["pairs"]
    assert pair["p"] == pytest.approx(0.04139, abs=1e-5), "15 of 20, two-sided binomial"
    assert pair["verdict"] == "better"
    assert results(said[1:], AB)["pairs"][0]["verdict"] == "no difference shown", "14 of 19 have p = 0.064"


def test_several_decisions_about_a_row_do_not_narrow_the_interval() -> None:
    alone = [won(n, "x", "a" if n < 15 else "b") for n in range(20)]
    both = alone + [won(n, "y", "a" if n < 15 else "b") for n in range(20)]
    assert results(both, AB)["pairs"] == results(alone, AB)["pairs"]


def test_rows_without_a_majority_are_counted_apart_from_agreed_ties() -> None:
    said = [won(1, "x", "a"), won(1, "y", "b"), Decision(2, "x", AB, "tie"), Decision(2, "y", AB, "tie")]
    found = results(said, AB)
    assert (found["split"], found["ties"], found["won"]) == (1, 1, 0)
    assert found["systems"]["a"]["wins"]["value"] is None
    assert found["systems"]["a"]["points"]["value"] == 0.5


def test_three_systems_are_compared_pair_by_pair_under_holm() -> None:
    said = [won(n, "x", "abc"[n % 3 if n > 20 else 0], tuple("abc")) for n in range(30)]
    found = results(said, tuple("abc"))
    assert [(pair["a"], pair["b"]) for pair in found["pairs"]] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [pair["wins"] + pair["losses"] + pair["draws"] for pair in found["pairs"]] == [30] * 3
    assert [pair["verdict"] for pair in found["pairs"]] == ["better", "better", "no difference shown"]
    assert all(pair["p_adjusted"] >= pair["p"] for pair in found["pairs"])


def test_equal_texts_win_together_and_say_nothing_of_one_another() -> None:
    said = [Decision(n, "x", tuple("abc"), "won", ("a", "b"), "a") for n in range(6)]
    found = {(pair["a"], pair["b"]): pair for pair in results(said, tuple("abc"))["pairs"]}
    assert (found["a", "b"]["wins"], found["a", "b"]["losses"]) == (0, 0)
    assert found["a", "c"]["wins"] == found["b", "c"]["wins"] == 6


def test_agreement_and_the_liking_for_a_place_are_reported() -> None:
    said = []
    for n, order in enumerate(orders(AB, 20, 1, 1)):
        said += [won(n, "x", "a", order), won(n, "y", order[0], order)]
    found = results(said, AB)
    assert found["agreement"]["kappa_name"] == "Cohen's kappa"
    assert found["agreement"]["rows"] == 20
    assert found["agreement"]["percent"] == 0.5
    assert found["places"][0]["value"] == 0.75
    assert found["places"][0]["biased"]
    assert found["reviewers"]["y"]["left"]["value"] == 1
    assert found["reviewers"]["x"]["left"]["value"] == 0.5
    assert not found["reviewers"]["x"]["left"]["biased"]
    assert results([each for each in said if each.reviewer == "x"], AB)["agreement"] is None


def test_time_has_median_and_quarters() -> None:
    found = results([won(n, "x", "a", seconds=float(n + 1)) for n in range(8)], AB)["seconds"]
    assert (found["p25"], found["p50"], found["p75"], found["total"]) == (2, 4, 6, 36)


def test_blind_coins_are_called_better_or_worse_at_most_one_time_in_twenty() -> None:
    rng = random.Random(3)
    draws = 1000
    called = 0
    for _ in range(draws):
        said = [won(n, "x", rng.choice(AB)) for n in range(40)]
        called += results(said, AB)["pairs"][0]["verdict"] != "no difference shown"
    assert called / draws <= 0.06, "the exact test keeps its level; a little room for 1,000 draws"


SHOWN = {
    n: Shown(({"role": "user", "content": f"Question {n}?"},), {"a": f"A{n}", "b": f"B{n}", "c": f"C{n}"})
    for n in range(6)
} | {5: Shown(({"role": "user", "content": "Silent?"},), {"a": "words", "b": "  ", "c": "words"})}


def test_the_majority_makes_a_preference_row_and_the_rest_is_counted() -> None:
    said = [won(0, "x", "a"), won(0, "y", "a"), won(1, "x", "a"), won(1, "y", "b"), won(5, "x", "a")]
    said += [Decision(2, "x", AB, "tie"), Decision(3, "x", AB, "skip"), Decision(4, "x", AB, "neither")]
    found = pairs(said, SHOWN, "majority")
    assert (len(found.rows), found.disagreed, found.undecided, found.empty) == (1, 1, 3, 1)
    ((number, row),) = found.rows
    assert number == 0
    assert detect(row) == "preference"
    example = to_example(row, "preference")
    assert (example.prompt_text, example.chosen, example.rejected) == ("Question 0?", "A0", "B0")


def test_every_vote_makes_a_row_by_weight() -> None:
    said = [won(1, "x", "a"), won(1, "y", "b"), won(1, "z", "a")]
    found = pairs(said, SHOWN, "votes")
    assert sorted(row["chosen"][0]["content"] for _, row in found.rows) == ["A1", "A1", "B1"]
    assert found.disagreed == 0
    assert found.sources == [1]


def test_the_best_of_three_is_preferred_to_both_others() -> None:
    found = pairs([won(1, "x", "b", tuple("abc"))], SHOWN, "majority")
    assert [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for _, row in found.rows] == [
        ("B1", "A1"),
        ("B1", "C1"),
    ]
    assert pairs([Decision(5, "x", tuple("abc"), "won", ("a", "c"), "a")], SHOWN, "majority").rows == []
