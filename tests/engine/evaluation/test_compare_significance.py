"""Statistics against scipy, against other derivations, by hand, and over a thousand comparisons of like with
like.
"""

from __future__ import annotations

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import optimize, stats

from engine.evaluation import significance as s
from engine.evaluation.metrics.macro_f1 import statistic as macro_f1


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (1, 1), (25, 40), (0, 1), (500, 1000)])
def test_it_gives_wilsons_interval(k: int, n: int) -> None:
    theirs = stats.binomtest(k, n).proportion_ci(method="wilson")
    ours = s.wilson(k, n)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_it_knows_nothing_of_no_rows_and_refuses_impossible_counts() -> None:
    assert s.wilson(0, 0) == s.Interval(0.0, 1.0)
    with pytest.raises(ValueError, match="3 successes of 2"):
        s.wilson(3, 2)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (0, 1), (0, 6), (2, 12), (7, 7), (8, 7), (40, 80), (900, 1100)])
def test_it_gives_the_exact_binomial_p_of_mcnemar(b: int, c: int) -> None:
    theirs = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert s.mcnemar_exact(b, c) == pytest.approx(theirs, rel=1e-9)
    assert s.mcnemar_exact(b, c) == s.mcnemar_exact(c, b)


def test_it_needs_six_one_sided_rows_for_five_percent() -> None:
    assert s.mcnemar_exact(0, 5) == pytest.approx(2 / 32)
    assert s.mcnemar_exact(0, 6) == pytest.approx(2 / 64)


def score_by_likelihood(b: int, c: int, n: int, delta: float) -> float:
    """Tango's statistic, its nuisance rate found by maximising the likelihood instead of by his formula."""

    def loss(
        q: float,
    ) -> float:  # q: the rate of rows right with the baseline alone; q + delta with the candidate
        rates = (q + delta, q, 1 - 2 * q - delta)
        counts = (b, c, n - b - c)
        return -sum(k * math.log(max(r, 1e-300)) for k, r in zip(counts, rates, strict=True) if k)

    low, high = max(0.0, -delta), (1 - delta) / 2
    q = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    return float((b - c - n * delta) / math.sqrt(n * (2 * q + delta * (1 - delta))))


@pytest.mark.parametrize(("b", "c", "n"), [(12, 2, 50), (3, 7, 40), (1, 1, 10), (14, 0, 40), (30, 20, 400)])
def test_it_gives_tangos_interval(b: int, c: int, n: int) -> None:
    interval = s.tango(b, c, n)
    assert interval.low < (b - c) / n < interval.high
    assert score_by_likelihood(b, c, n, interval.low) == pytest.approx(1.959964, abs=1e-3)
    assert score_by_likelihood(b, c, n, interval.high) == pytest.approx(-1.959964, abs=1e-3)


def test_it_keeps_tangos_interval_in_range_and_mirrored() -> None:
    for n in (1, 5, 40):
        for b, c in itertools.product(range(n + 1), repeat=2):
            if b + c > n:
                continue
            one, other = s.tango(b, c, n), s.tango(c, b, n)
            assert -1 <= one.low <= (b - c) / n <= one.high <= 1
            assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-8)


def test_it_covers_the_true_difference_95_times_in_100() -> None:
    rng = np.random.default_rng(7)
    n, rates = 60, (0.25, 0.10, 0.65)
    draws = rng.multinomial(n, rates, 2000)
    hits = sum((i := s.tango(b, c, n)).low <= 0.15 <= i.high for b, c, _ in draws.tolist())
    assert 0.93 <= hits / 2000 <= 0.97


def test_it_counts_every_sign_pattern_of_a_few_rows() -> None:
    differences = [0.5, 1.25, -0.25, 2.0, 0.75, 0.0]
    nonzero = [d for d in differences if d]
    sums = [abs(sum(x * y for x, y in zip(p, nonzero, strict=True))) for p in itertools.product((-1, 1), repeat=5)]
    by_hand = sum(v >= abs(sum(nonzero)) - 1e-12 for v in sums) / 32
    assert s.sign_flip(differences) == by_hand


def test_it_draws_sign_patterns_of_many_rows_close_to_the_t_test() -> None:
    rng = np.random.default_rng(3)
    differences = rng.normal(0.25, 1, 80)
    assert s.sign_flip(differences) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.01)


def test_it_bootstraps_a_mean_as_scipy_does() -> None:
    data = np.random.default_rng(5).exponential(2.0, 120)
    theirs = stats.bootstrap((data,), np.mean, method="percentile", rng=np.random.default_rng(1)).confidence_interval
    ours = s.bootstrap_mean(data)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_it_answers_alike_for_the_same_seed() -> None:
    a, b = np.random.default_rng(1).normal(0, 1, (2, 50))
    assert s.compare_means(a, b, seed=9) == s.compare_means(a, b, seed=9)
    assert s.compare_means(a, b, seed=9).low != s.compare_means(a, b, seed=10).low


@pytest.mark.parametrize("values", [[], [0.7], [0.5, 0.5, 0.5]])
def test_it_gives_a_point_where_nothing_varies(values: list[float]) -> None:
    only = values[0] if values else 0.0
    assert s.bootstrap_mean(values) == s.Interval(only, only)


def test_it_refuses_scores_of_different_rows() -> None:
    with pytest.raises(ValueError, match="same rows"):
        s.compare_rates([1.0, 0.0], [1.0])
    with pytest.raises(ValueError, match="same rows"):
        s.compare_means([], [])


def test_it_adjusts_by_holm_as_by_hand() -> None:
    assert s.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert s.holm([0.6, 0.7]) == [1.0, 1.0]
    assert s.holm([]) == []


def test_it_says_better_and_worse_by_the_metrics_direction() -> None:
    clear = s.compare_rates([0.0] * 20 + [1.0] * 5, [1.0] * 20 + [1.0] * 5)
    assert s.verdict(clear, higher_is_better=True) == "better"
    assert s.verdict(clear, higher_is_better=False) == "worse"
    assert s.verdict(clear, higher_is_better=True, p=0.2) == "no difference shown"
    assert s.verdict(s.compare_rates([1.0, 0.0], [0.0, 1.0]), True) == "no difference shown"


def test_it_gives_percentiles_that_were_measured() -> None:
    assert s.percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert s.percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert s.percentile([5.0], 0.5) == 5.0
    assert s.percentile(list(map(float, range(1, 101))), 0.99) == 99.0


def share_of(words: list[str], word: str) -> float:
    return words.count(word) / len(words)


def test_it_says_better_at_most_once_in_twenty_of_like_against_like_rates() -> None:
    rng = np.random.default_rng(11)
    words = []
    for _ in range(1000):
        skill = rng.random(60)  # each row has its own difficulty: pairs are correlated, as real ones are
        old, new = rng.random((2, 60)) < skill
        words.append(s.verdict(s.compare_rates(old, new), True))
    assert share_of(words, "better") <= 0.05 and share_of(words, "worse") <= 0.05
    assert share_of(words, "better") + share_of(words, "worse") <= 0.05


def test_it_says_better_at_most_once_in_twenty_of_like_against_like_means() -> None:
    rng = np.random.default_rng(12)
    words = []
    for seed in range(1000):
        skill = rng.beta(2, 2, 40)
        old, new = np.clip(skill + rng.normal(0, 0.15, (2, 40)), 0, 1)
        p = s.sign_flip(new - old, seed, resamples=999)
        interval = s.bootstrap_mean(new - old, seed, resamples=999)
        mean = float(np.mean(new - old))
        words.append(s.verdict(s.Difference(40, 0, mean, mean, interval.low, interval.high, p, ""), True))
    assert share_of(words, "better") <= 0.05 and share_of(words, "worse") <= 0.05
    assert share_of(words, "better") + share_of(words, "worse") <= 0.065  # 5 % and three standard errors of 1,000


def test_it_finds_a_known_difference_at_its_power() -> None:
    rng = np.random.default_rng(13)
    n, only_new, only_old = 120, 0.20, 0.06
    words = []
    for _ in range(1000):
        kind = rng.choice(3, n, p=[only_new, only_old, 1 - only_new - only_old])
        words.append(s.verdict(s.compare_rates(kind == 1, kind == 0), True))
    # Exact power of McNemar at this size, summed over the binomials of discordant rows.
    power = 0.0
    for discordant in range(n + 1):
        chance = stats.binom.pmf(discordant, n, only_new + only_old)
        ok = [k for k in range(discordant + 1) if s.mcnemar_exact(k, discordant - k) < 0.05 and 2 * k > discordant]
        power += chance * sum(stats.binom.pmf(k, discordant, only_new / (only_new + only_old)) for k in ok)
    assert power > 0.7
    assert share_of(words, "better") == pytest.approx(power, abs=0.045)
    assert share_of(words, "worse") == 0


def test_it_compares_a_figure_over_many_rows() -> None:
    rng = np.random.default_rng(2)
    wanted = rng.integers(0, 4, 150)
    good = np.stack([wanted, np.where(rng.random(150) < 0.8, wanted, rng.integers(0, 4, 150))], 1)
    bad = np.stack([wanted, np.where(rng.random(150) < 0.4, wanted, rng.integers(0, 4, 150))], 1)
    found = s.compare_statistic(bad, good, macro_f1, resamples=400)
    assert found.low < found.difference < found.high
    assert s.verdict(found, True) == "better" and s.verdict(found, False) == "worse"
    same = s.compare_statistic(good, good, macro_f1, resamples=200)
    assert (same.p, same.difference, s.verdict(same, True)) == (1.0, 0.0, "no difference shown")


def test_it_is_read_by_the_web_without_torch() -> None:
    code = (
        "import sys, engine.evaluation.significance, engine.evaluation.metrics as m\n"
        "[m.row_scorer(n) for n in m.METRICS]\n"
        "assert not {'torch', 'transformers', 'peft'} & set(sys.modules), 'torch came along'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
