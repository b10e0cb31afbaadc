"""The rule by which a checkpoint is recommended."""

from __future__ import annotations

import pytest

from engine.decision.recommendation import Recommendation, candidates, recommend

BASELINE = {"general/loss": 2.0, "general/accuracy": 0.5}


def scores(**steps: tuple[float | None, float, float]) -> dict[str, dict[str, float]]:
    """s4=(validation loss, general loss, general accuracy) as a run keeps them."""
    return {
        name[1:]: {"general/loss": loss, "general/accuracy": right} | ({"eval_loss": target} if target else {})
        for name, (target, loss, right) in steps.items()
    }


def chosen(found: dict[str, dict[str, float]], saved: set[int] | None = None, limit: float = 0.05) -> Recommendation:
    return recommend(candidates(found, BASELINE), saved or {int(step) for step in found}, limit)


def test_it_takes_the_lowest_target_within_the_limit() -> None:
    found = chosen(scores(s0=(3.0, 2.0, 0.5), s2=(2.5, 2.05, 0.5), s4=(2.0, 2.09, 0.5), s6=(1.0, 2.2, 0.5)))
    assert found.step == 4
    assert "Step 6 is lower (1.000) but past the limit (-10.0%)" in found.why


def test_it_counts_any_measure_and_the_limit_itself_as_past_it() -> None:
    assert chosen(scores(s0=(3.0, 2.0, 0.5), s2=(2.5, 2.0, 0.49), s4=(2.0, 1.9, 0.475))).step == 2


def test_it_says_none_when_none_is_within_and_names_the_one_that_forgot_least() -> None:
    found = chosen(scores(s0=(3.0, 2.0, 0.5), s2=(2.5, 2.4, 0.5), s4=(2.0, 2.3, 0.5)))
    assert found.step is None
    assert "step 4, changed by -15.0% on general loss" in found.why


def test_it_recommends_only_what_was_saved() -> None:
    found = scores(s0=(3.0, 2.0, 0.5), s2=(2.5, 2.0, 0.5), s4=(2.0, 2.0, 0.5))
    assert chosen(found, {2}).step == 2
    assert chosen(found, {9}) == Recommendation(None, "No checkpoint has been measured yet.")


@pytest.mark.parametrize(("order", "step"), [((2.5, 2.5), 2), ((None, None), 4)])
def test_it_takes_the_earlier_of_equals_and_the_newest_without_a_target(
    order: tuple[float | None, float | None], step: int
) -> None:
    found = scores(s0=(3.0 if order[0] else None, 2.0, 0.5), s2=(order[0], 2.0, 0.5), s4=(order[1], 2.0, 0.5))
    assert chosen(found).step == step


def test_it_says_when_the_target_did_not_gain_and_when_nothing_was_probed() -> None:
    assert "no better than the model before step 1" in chosen(scores(s0=(3.0, 2.0, 0.5), s2=(3.1, 2.0, 0.5))).why
    bare = recommend(candidates({"0": {"eval_loss": 3.0}, "2": {"eval_loss": 1.0}}, {}), {2}, 0.05)
    assert bare.step == 2 and "forgetting was not measured" in bare.why


def test_it_chooses_by_the_task_metric_and_by_the_loss_between_equals() -> None:
    found = scores(s0=(3.0, 2.0, 0.5), s2=(2.5, 2.0, 0.5), s4=(2.0, 2.0, 0.5), s6=(1.5, 2.0, 0.5), s8=(1.0, 3.0, 0.5))
    for step, score in (("0", 0.0), ("2", 0.5), ("4", 0.75), ("6", 0.75), ("8", 1.0)):
        found[step]["task_score"] = score
    measured = candidates(found, BASELINE, by="task_score")
    chosen_one = recommend(measured, {2, 4, 6, 8}, 0.05)
    assert chosen_one.step == 6
    assert "Step 8 is better (100.0%) but past the limit (-50.0%)" in chosen_one.why
    assert [one.gain for one in measured] == [0.0, 0.5, 0.75, 0.75, 1.0]
    assert recommend(candidates(found, BASELINE), {2, 4}, 0.05).why.startswith("Step 4 has the lowest validation loss")


def test_it_chooses_by_the_loss_where_the_task_was_not_measured() -> None:
    found = candidates(scores(s0=(3.0, 2.0, 0.5), s2=(2.5, 2.0, 0.5)), BASELINE, by="task_score")
    assert recommend(found, {2}, 0.05).why.startswith("Step 2 has the lowest validation loss (2.500)")


def test_it_does_not_hold_two_rows_of_a_share_against_a_checkpoint() -> None:
    found = scores(s0=(3.0, 2.0, 0.5), s2=(2.0, 2.0, 0.4))
    assert recommend(candidates(found, BASELINE, {"general/accuracy": 20}), {2}, 0.05).step == 2
    assert recommend(candidates(found, BASELINE, {"general/accuracy": 30}), {2}, 0.05).step is None


def test_it_gives_the_limit_as_it_was_set() -> None:
    assert "limit of 2.5%" in chosen(scores(s0=(3.0, 2.0, 0.5), s2=(2.5, 2.4, 0.5)), limit=0.025).why
