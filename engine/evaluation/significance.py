"""Statistics of a paired comparison: intervals, tests and the three words they allow. No torch, the web may
import it.

Every random procedure takes a seed and gives the same answer for the same input. Intervals are 95 % unless
said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["better", "worse", "no difference shown"]
BETTER: Verdict = "better"
WORSE: Verdict = "worse"
NO_DIFFERENCE: Verdict = "no difference shown"

ALPHA = 0.05
RESAMPLES = 10_000
EXACT_FLIPS = 12
"""Up to this many unequal pairs every one of the 2**n sign patterns is counted instead of drawn."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus baseline over the same rows: effect, 95 % interval, p and the test that gave it."""

    n: int
    baseline: float
    candidate: float
    difference: float
    low: float
    high: float
    p: float
    test: str
    discordant: float | None = None
    """Yes/no scores: share of rows on which one system is right and the other wrong."""
    spread: float | None = None
    """Numbers a row: standard deviation of the differences."""


def wilson(successes: float, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a rate (Wilson 1927). With n = 0 nothing is known: 0 to 1. Half points may be summed
    in ``successes``: their variance is smaller than that of a yes or no, so that the interval is wide enough."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if n == 0:
        return Interval(0.0, 1.0)
    z = _z(confidence)
    rate = successes / n
    centre = rate + z * z / (2 * n)
    margin = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (centre - margin) / scale
    high = 1.0 if successes == n else (centre + margin) / scale
    return Interval(low, high)


def mcnemar_exact(only_baseline: int, only_candidate: int) -> float:
    """Two-sided exact p of McNemar's test: the discordant pairs are a fair coin under no difference.

    `only_baseline` rows were right with the baseline alone, `only_candidate` with the candidate alone.
    """
    n = only_baseline + only_candidate
    if n == 0:
        return 1.0
    log_half = n * math.log(2)
    whole = math.lgamma(n + 1)
    tail = math.fsum(
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(n - k + 1) - log_half)
        for k in range(min(only_baseline, only_candidate) + 1)
    )
    return min(1.0, 2 * tail)


def tango(only_candidate: int, only_baseline: int, n: int, confidence: float = 0.95) -> Interval:
    """Score interval of a difference of paired proportions, candidate minus baseline (Tango 1998, Stat. Med.
    17).

    It inverts the score test whose value at zero is McNemar's, so interval and test agree but for exactness.
    """
    if n == 0:
        return Interval(-1.0, 1.0)
    z = _z(confidence)
    observed = (only_candidate - only_baseline) / n

    def score(delta: float) -> float:
        a = 2.0 * n
        b = -only_candidate - only_baseline + (2 * n - only_candidate + only_baseline) * delta
        c = -only_baseline * delta * (1 - delta)
        discordant = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
        variance = n * (2 * discordant + delta * (1 - delta))
        gap = only_candidate - only_baseline - n * delta
        if variance <= 0:
            return 0.0 if gap == 0 else math.copysign(math.inf, gap)
        return gap / math.sqrt(variance)

    low = _bisect(lambda d: score(d) - z, -1.0, observed)
    high = _bisect(lambda d: score(d) + z, observed, 1.0)
    return Interval(low, high)


def _bisect(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses zero between low and high, to 1e-10."""
    if falling(low) <= 0:
        return low
    if falling(high) >= 0:
        return high
    while high - low > 1e-10:
        middle = (low + high) / 2
        if falling(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def bootstrap_mean(values: Sequence[float] | Floats, seed: int = 42, resamples: int = RESAMPLES) -> Interval:
    """Percentile bootstrap interval of a mean (Efron & Tibshirani 1993). One value or none says nothing: it
    is its own.
    """
    data = np.asarray(values, dtype=np.float64)
    if len(data) < 2 or np.all(data == data[0]):
        only = float(data[0]) if len(data) else 0.0
        return Interval(only, only)
    return _percentiles(_resampled_means(data, seed, resamples))


def sign_flip(differences: Sequence[float] | Floats, seed: int = 42, resamples: int = RESAMPLES) -> float:
    """Two-sided p that paired differences have mean zero: under no difference each sign is a coin (Fisher
    1935).

    All patterns are counted when there are few unequal pairs, else drawn with the observed one counted in.
    """
    data = np.asarray(differences, dtype=np.float64)
    data = data[data != 0]
    if len(data) == 0:
        return 1.0
    observed = abs(float(data.sum()))
    slack = 1e-9 * float(np.abs(data).sum())
    if len(data) <= EXACT_FLIPS:
        bits = np.arange(1 << len(data))[:, None] >> np.arange(len(data)) & 1
        sums = np.abs((bits * 2.0 - 1.0) @ data)
        return float(np.mean(sums >= observed - slack))
    rng = np.random.default_rng(seed)
    extreme, drawn = 0, 0
    for size in _chunks(resamples, len(data)):
        signs = rng.integers(0, 2, (size, len(data))) * 2.0 - 1.0
        extreme += int(np.sum(np.abs(signs @ data) >= observed - slack))
        drawn += size
    return (extreme + 1) / (drawn + 1)


def compare_rates(baseline: Sequence[bool] | Floats, candidate: Sequence[bool] | Floats) -> Difference:
    """Paired yes/no scores of the same rows: exact McNemar and Tango's interval."""
    old, new = _paired(baseline, candidate)
    n = len(old)
    only_new = int(np.sum((new > 0.5) & (old <= 0.5)))
    only_old = int(np.sum((old > 0.5) & (new <= 0.5)))
    interval = tango(only_new, only_old, n)
    rate_old, rate_new = float(old.mean()), float(new.mean())
    p = mcnemar_exact(only_old, only_new)
    gap, apart = (only_new - only_old) / n, (only_new + only_old) / n
    return Difference(n, rate_old, rate_new, gap, interval.low, interval.high, p, "exact McNemar", apart)


def compare_means(
    baseline: Sequence[float] | Floats, candidate: Sequence[float] | Floats, seed: int = 42
) -> Difference:
    """Paired real-valued scores of the same rows: sign-flip permutation test and bootstrap interval."""
    old, new = _paired(baseline, candidate)
    differences = new - old
    interval = bootstrap_mean(differences, seed)
    p = sign_flip(differences, seed)
    return Difference(
        len(old),
        float(old.mean()),
        float(new.mean()),
        float(differences.mean()),
        interval.low,
        interval.high,
        p,
        "sign-flip permutation",
        spread=float(differences.std(ddof=1)) if len(old) > 1 else 0.0,
    )


Statistic = Callable[[NDArray[np.int64]], float]


def bootstrap_statistic(
    rows: NDArray[np.int64], statistic: Statistic, seed: int = 42, resamples: int = 2000
) -> Interval:
    """Percentile bootstrap interval of a figure that exists only over many rows (F1): `rows` is (n,
    anything).
    """
    rng = np.random.default_rng(seed)
    values = [statistic(rows[rng.integers(0, len(rows), len(rows))]) for _ in range(resamples)]
    return _percentiles(np.asarray(values))


def compare_statistic(
    baseline: NDArray[np.int64],
    candidate: NDArray[np.int64],
    statistic: Statistic,
    seed: int = 42,
    resamples: int = 2000,
) -> Difference:
    """A figure over many rows, paired: rows are redrawn for the interval and swapped between systems for the
    test.

    Source: approximate randomisation (Noreen 1989), as is usual for F1.
    """
    if len(baseline) != len(candidate) or len(baseline) == 0:
        raise ValueError(f"{len(baseline)} rows against {len(candidate)}: a paired comparison needs the same rows")
    rng = np.random.default_rng(seed)
    n = len(baseline)
    old, new = statistic(baseline), statistic(candidate)
    drawn = np.empty(resamples)
    extreme = 0
    for i in range(resamples):
        chosen = rng.integers(0, n, n)
        drawn[i] = statistic(candidate[chosen]) - statistic(baseline[chosen])
        swap = rng.integers(0, 2, n).astype(bool)[:, None]
        gap = statistic(np.where(swap, baseline, candidate)) - statistic(np.where(swap, candidate, baseline))
        extreme += abs(gap) >= abs(new - old) - 1e-12
    interval = _percentiles(drawn)
    p = (extreme + 1) / (resamples + 1)
    return Difference(n, old, new, new - old, interval.low, interval.high, p, "approximate randomisation")


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (Holm 1979), in the order given; each stays at most 1."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, running)
    return adjusted


def verdict(difference: Difference, higher_is_better: bool, p: float | None = None, alpha: float = ALPHA) -> Verdict:
    """The word a difference allows: test and interval must both speak, else no difference is shown.

    `p` replaces the difference's own, for one that was adjusted for many comparisons.
    """
    value = difference.p if p is None else p
    if value >= alpha or difference.low <= 0.0 <= difference.high:
        return NO_DIFFERENCE
    return BETTER if (difference.difference > 0) == higher_is_better else WORSE


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of the values do not exceed; needs one value."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _paired(baseline: Sequence[float] | Floats, candidate: Sequence[float] | Floats) -> tuple[Floats, Floats]:
    old, new = np.asarray(baseline, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    if len(old) != len(new) or len(old) == 0:
        raise ValueError(f"{len(old)} scores against {len(new)}: a paired comparison needs the same rows")
    return old, new


def _resampled_means(data: Floats, seed: int, resamples: int) -> Floats:
    rng = np.random.default_rng(seed)
    means = [data[rng.integers(0, len(data), (size, len(data)))].mean(axis=1) for size in _chunks(resamples, len(data))]
    return np.concatenate(means)


def _chunks(total: int, width: int) -> list[int]:
    """Sizes that sum to `total`, so that one (size, width) block stays under about 16 MB."""
    size = max(1, min(total, 2_000_000 // max(1, width)))
    return [size] * (total // size) + ([total % size] if total % size else [])


def _percentiles(values: Floats) -> Interval:
    low, high = np.quantile(values, [ALPHA / 2, 1 - ALPHA / 2])
    return Interval(float(low), float(high))


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)
