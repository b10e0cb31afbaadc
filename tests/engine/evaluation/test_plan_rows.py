"""How many rows a difference needs: against the textbook, against a direct sum, and found at that power when drawn.

Bounds of drawn shares are those of the binomial: of 1,000 draws at a power of 0.80 the standard error is 0.0126, and
0.045 is more than three and a half of them.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from engine.evaluation import power
from engine.evaluation import significance as s

DRAWS, SLACK = 1000, 0.045


def direct_power(n: int, gap: float, apart: float) -> float:
    total = 0.0
    for discordant in range(n + 1):
        for favour in range(discordant // 2 + 1, discordant + 1):
            if s.mcnemar_exact(discordant - favour, favour) < 0.05:
                chance = stats.binom.pmf(favour, discordant, (apart + gap) / (2 * apart))
                total += stats.binom.pmf(discordant, n, apart) * chance
    return total


@pytest.mark.parametrize(("n", "gap", "apart"), [(40, 0.2, 0.3), (60, 0.1, 0.1), (6, 1.0, 1.0), (5, 1.0, 1.0)])
def test_it_sums_the_power_of_the_exact_test(n: int, gap: float, apart: float) -> None:
    assert power.power_of_rates(n, gap, apart) == pytest.approx(direct_power(n, gap, apart), abs=1e-9)


def test_it_says_at_most_half_of_five_percent_of_no_difference() -> None:
    assert power.power_of_rates(200, 0.0, 0.25) <= 0.025


def test_it_needs_a_few_rows_more_than_connor_whose_test_is_not_exact() -> None:
    connor = (1.959964 * 0.25**0.5 + 0.841621 * (0.25 - 0.01) ** 0.5) ** 2 / 0.01
    needed = power.rows_for_rates(0.10, 0.25)
    assert needed is not None and connor < needed < 1.1 * connor
    assert power.power_of_rates(needed, 0.10, 0.25) >= 0.8 > power.power_of_rates(needed - 12, 0.10, 0.25)


def test_it_goes_on_smoothly_where_it_stops_counting() -> None:
    exact = power.power_of_rates(5990, 0.018, 0.25)
    normal = power.power_of_rates(6010, 0.018, 0.25)
    assert exact == pytest.approx(normal, abs=0.01)


def test_rows_and_differences_are_each_others_inverse() -> None:
    for n in (30, 200, 1000):
        shown = power.difference_for_rates(n)
        assert shown is not None
        assert power.rows_for_rates(shown) == pytest.approx(n, rel=0.06)
        mean = power.difference_for_means(n, 0.3)
        assert mean is not None and power.rows_for_means(mean, 0.3) == pytest.approx(n, abs=1)


def test_it_says_in_words_what_rows_can_show() -> None:
    assert power.planned(200) == "200 rows can show a difference of about 10 points (80 % power)."
    assert "no difference, however large" in power.planned(5)
    assert power.rows_for_rates(0.0001) is None
    assert power.difference_for_rates(0) is None
    with pytest.raises(ValueError, match="no pair of shares"):
        power.rows_for_rates(1.5)


def test_a_promised_difference_of_shares_is_found_four_times_in_five() -> None:
    needed = power.rows_for_rates(0.10, 0.25)
    assert needed is not None
    rng = np.random.default_rng(21)
    drawn = rng.multinomial(needed, (0.175, 0.075, 0.75), DRAWS)
    words = []
    for only_new, only_old, _ in drawn.tolist():
        pair = np.zeros((2, needed))
        pair[1, :only_new] = 1
        pair[0, only_new : only_new + only_old] = 1
        words.append(s.verdict(s.compare_rates(pair[0], pair[1]), True))
    assert words.count("better") / DRAWS == pytest.approx(0.80, abs=SLACK)


def test_a_promised_difference_of_means_is_found_four_times_in_five() -> None:
    needed = power.rows_for_means(0.05, 0.2)
    assert needed == 128
    rng = np.random.default_rng(22)
    words = []
    for seed, gaps in enumerate(rng.normal(0.05, 0.2, (DRAWS, needed))):
        p, interval = s.sign_flip(gaps, seed, 999), s.bootstrap_mean(gaps, seed, 999)
        mean = float(gaps.mean())
        words.append(s.verdict(s.Difference(needed, 0, mean, mean, interval.low, interval.high, p, ""), True))
    assert words.count("better") / DRAWS == pytest.approx(0.80, abs=SLACK)


def test_a_comparison_tells_what_it_could_have_shown() -> None:
    old, new = [1.0] * 100 + [0.0] * 100, [1.0] * 96 + [0.0] * 98 + [1.0] * 6
    found = s.compare_rates(old, new)
    assert found.discordant == pytest.approx(0.05)
    after = power.power_after(found, 0.03)
    assert after["detectable"] == pytest.approx(0.06, abs=0.02)
    assert after["rows_needed"] and 300 < after["rows_needed"] < 700
    means = power.power_after(s.compare_means([0.5, 0.4, 0.9, 0.1] * 20, [0.6, 0.4, 0.8, 0.3] * 20))
    assert means["rows_needed"] and means["detectable"] and means["detectable"] < 0.06
