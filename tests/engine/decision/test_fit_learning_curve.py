"""The learning curve: known laws come out again, few points give wide intervals, one size gives none."""

from __future__ import annotations

import random

import pytest

from engine.decision.learning_curve import fit, of_one_run

LAWS = [(1.0, 8.0, 0.5), (0.2, 4.0, 0.25), (2.0, 30.0, 0.8)]


def law(rows: int, floor: float, scale: float, exponent: float) -> float:
    return floor + scale * rows**-exponent


@pytest.mark.parametrize("parameters", LAWS)
def test_a_power_law_is_continued(parameters: tuple[float, float, float]) -> None:
    curve = fit([(rows, law(rows, *parameters)) for rows in (100, 200, 400, 800, 1600)])
    assert curve is not None and not curve.rough
    for rows in (1600, 3200, 6400):
        estimate, truth = curve.at(rows), law(rows, *parameters)
        assert estimate.low <= truth <= estimate.high
        assert estimate.expected == pytest.approx(truth, rel=0.03)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    chance = random.Random(4)
    held = total = 0
    for parameters in LAWS:
        for _ in range(60):
            points = [(n, law(n, *parameters) * chance.gauss(1, 0.01)) for n in (100, 300, 900)]
            curve = fit(points)
            assert curve is not None
            estimate = curve.at(1800)
            held += estimate.low <= law(1800, *parameters) <= estimate.high
            total += 1
    assert held / total >= 0.85


def test_fewer_points_and_farther_forecasts_are_less_sure() -> None:
    points = [(rows, law(rows, *LAWS[0])) for rows in (100, 200, 400, 800)]
    many, few = fit(points), fit(points[-2:])
    assert many is not None and few is not None
    width = [curve.at(3200).high - curve.at(3200).low for curve in (many, few)]
    assert width[0] < width[1]
    assert many.at(6400).high - many.at(6400).low > many.at(1600).high - many.at(1600).low


def test_one_run_gives_a_rough_curve_from_its_first_epoch() -> None:
    losses = [(epoch / 10, law(round(epoch * 100), *LAWS[0])) for epoch in range(1, 31)]
    curve = of_one_run(losses, 1000)
    assert curve is not None and curve.rough and "Rough" in curve.sentence()
    assert [rows for rows, _ in curve.points] == list(range(100, 1001, 100))
    assert curve.at(2000).low <= law(2000, *LAWS[0]) <= curve.at(2000).high
    exact = fit(list(curve.points))
    assert exact is not None
    assert curve.at(2000).high - curve.at(2000).low > exact.at(2000).high - exact.at(2000).low


def test_it_says_when_more_rows_add_little_and_when_they_add() -> None:
    flat, steep = fit([(100, 1.0), (200, 1.0), (400, 1.0)]), fit([(100, 2.0), (200, 1.6), (400, 1.3)])
    assert flat is not None and steep is not None
    assert "adds little" in flat.sentence() and flat.gain().expected == pytest.approx(1.0, abs=0.02)
    assert "would fall from 1.30" in steep.sentence() and steep.gain().rows == 800
    assert steep.gain().high < 1.3


def test_a_loss_that_rises_with_rows_promises_nothing() -> None:
    curve = fit([(100, 1.0), (200, 1.1), (400, 1.2)])
    assert curve is not None
    assert "no gain is shown" in curve.sentence()


@pytest.mark.parametrize("points", [[], [(100, 1.0)], [(100, 1.0), (100, 0.9)], [(100, 1.0), (110, 0.9)]])
def test_one_size_is_no_curve(points: list[tuple[int, float]]) -> None:
    assert fit(points) is None


@pytest.mark.parametrize("point", [(0, 1.0), (10, 0.0), (10, float("nan")), (10, float("inf"))])
def test_impossible_points_are_refused(point: tuple[int, float]) -> None:
    with pytest.raises(ValueError):
        fit([(5, 1.0), point])
