"""How many rows show a difference, and what difference so many rows can show. No torch, the web may import it.

Yes/no scores: the exact power of McNemar's exact test, summed over how many rows are judged differently (Connor 1987,
Biometrics 43, gives where to start looking; Miettinen 1968 the unconditional sum). Numbers a row: the normal formula
with Guenther's correction for the t distribution (Guenther 1981). All at a two-sided 5 % and 80 % power unless said.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.significance import ALPHA, Difference

POWER = 0.8
DISCORDANT = 0.25
"""Share of rows that two systems are taken to answer differently (one right, one wrong) before anything has run."""
SPREAD = 0.35
"""Standard deviation of a row's difference in a score from 0 to 1, before anything has run."""
MOST_ROWS = 200_000
EFFECT = 0.03
"""The difference a person is taken to care about when they name none: three points."""

Kind = Literal["rate", "mean", "aggregate"]


def rows_for_rates(
    difference: float, discordant: float = DISCORDANT, power: float = POWER, alpha: float = ALPHA
) -> int | None:
    """Fewest rows whose exact McNemar test finds a difference of paired shares with at least this power.

    `discordant` is the share of rows on which one system is right and the other wrong; it is at least the difference.
    None when more than MOST_ROWS are needed. Raises ValueError for a difference that is none.
    """
    gap, apart = _checked(difference, discordant)
    guess = _connor(gap, apart, power, alpha)
    if guess > MOST_ROWS:
        return None
    low, high = 1, max(8, math.ceil(1.1 * guess) + 4)
    while power_of_rates(high, gap, apart, alpha) < power:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of_rates(middle, gap, apart, alpha) >= power else (middle, high)
    return high


def difference_for_rates(
    n: int, discordant: float = DISCORDANT, power: float = POWER, alpha: float = ALPHA
) -> float | None:
    """The smallest difference of paired shares that `n` rows find with this power; None where none is found at all."""
    if n < 1 or power_of_rates(n, 1.0, 1.0, alpha) < power:
        return None
    low, high = 0.0, 1.0
    while high - low > 5e-4:
        middle = (low + high) / 2
        found = power_of_rates(n, middle, max(discordant, middle), alpha) >= power
        low, high = (low, middle) if found else (middle, high)
    return high


def power_of_rates(n: int, difference: float, discordant: float, alpha: float = ALPHA) -> float:
    """Chance that the exact McNemar test of `n` rows says "better" where the true difference is `difference`.

    From about MOST_EXACT expected discordant rows on, Connor's normal form is as good and is used.
    """
    gap, apart = _checked(difference, discordant)
    if n * apart > _MOST_EXACT:
        z = NormalDist().inv_cdf(1 - alpha / 2)
        reach = (gap * math.sqrt(n) - z * math.sqrt(apart)) / math.sqrt(max(1e-12, apart - gap * gap))
        return NormalDist().cdf(reach)
    centre, margin = n * apart, 7 * math.sqrt(n * apart * (1 - apart)) + 7
    counts = range(max(0, int(centre - margin)), min(n, int(centre + margin)) + 1)
    weights = np.exp(_log_binomial(n, apart)[counts.start : counts.stop])
    favour = (apart + gap) / (2 * apart)
    return float(sum(weight * _finds(count, favour, alpha) for count, weight in zip(counts, weights, strict=True)))


_MOST_EXACT = 1500


def _finds(discordant: int, favour: float, alpha: float) -> float:
    """Chance that so many discordant rows, each in the candidate's favour with `favour`, are significant for it."""
    needed = _needed(discordant, alpha)
    if needed is None:
        return 0.0
    return float(np.exp(_log_binomial(discordant, favour)[needed:]).sum())


@lru_cache(maxsize=8192)
def _needed(discordant: int, alpha: float) -> int | None:
    """Fewest rows in the candidate's favour that the exact two-sided test finds significant; None: not even all."""
    tails = np.cumsum(np.exp(_log_binomial(discordant, 0.5))[::-1])
    significant = int(np.searchsorted(tails, alpha / 2, side="left"))
    return discordant - significant + 1 if significant else None


def _log_binomial(n: int, share: float) -> NDArray[np.float64]:
    """Logarithms of the binomial probabilities of 0 … n."""
    if share <= 0.0 or share >= 1.0:
        sure = np.full(n + 1, -np.inf)
        sure[0 if share <= 0.0 else n] = 0.0
        return sure
    k = np.arange(n + 1)
    factorials = _log_factorials(n)
    ways = factorials[n] - factorials[k] - factorials[n - k]
    return np.asarray(ways + k * math.log(share) + (n - k) * math.log1p(-share), dtype=np.float64)


@lru_cache(maxsize=1)
def _factorial_table(size: int) -> NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])


def _log_factorials(n: int) -> NDArray[np.float64]:
    return _factorial_table(1 << max(12, n.bit_length()))


def rows_for_means(difference: float, spread: float, power: float = POWER, alpha: float = ALPHA) -> int | None:
    """Fewest rows that find a mean paired difference, `spread` being its standard deviation from row to row."""
    if difference == 0 or spread < 0:
        raise ValueError(f"a difference of {difference} with a spread of {spread} cannot be planned for")
    z = NormalDist().inv_cdf(1 - alpha / 2)
    rows = (_both(power, alpha) * spread / difference) ** 2 + z * z / 2
    return max(6, math.ceil(rows)) if rows <= MOST_ROWS else None


def difference_for_means(n: int, spread: float, power: float = POWER, alpha: float = ALPHA) -> float | None:
    """The smallest mean paired difference that `n` rows find; None for rows too few for any test (under 6)."""
    z = NormalDist().inv_cdf(1 - alpha / 2)
    left = n - z * z / 2
    return _both(power, alpha) * spread / math.sqrt(left) if n >= 6 else None


def can_show(n: int, kind: Kind = "rate") -> float | None:
    """What `n` rows can show before anything has run, at 80 % power, as a share (0.05: five points)."""
    return difference_for_rates(n) if kind == "rate" else difference_for_means(n, SPREAD)


def planned(n: int, kind: Kind = "rate") -> str:
    """One sentence for the form that starts an evaluation."""
    shown = can_show(n, kind)
    if shown is None:
        return f"{n} rows show no difference, however large: at least 6 must differ."
    return f"{n} rows can show a difference of about {100 * shown:.0f} points (80 % power)."


def power_after(found: Difference, effect: float = EFFECT) -> dict[str, float | int | None]:
    """What a comparison could have shown, from how much its own rows differ.

    `detectable`: the smallest difference so many rows find; `rows_needed`: rows for `effect`. Both at 80 % power;
    None where it cannot be said.
    """
    if found.discordant is not None:
        # One row more each way: with none discordant the share is small, not nothing.
        apart = (found.discordant * found.n + 1) / (found.n + 2)
        return {
            "effect": effect,
            "detectable": difference_for_rates(found.n, apart),
            "rows_needed": rows_for_rates(effect, apart),
        }
    spread = found.spread or (found.high - found.low) / (2 * 1.959964) * math.sqrt(found.n)
    return {
        "effect": effect,
        "detectable": difference_for_means(found.n, spread),
        "rows_needed": rows_for_means(effect, spread),
    }


def _connor(gap: float, apart: float, power: float, alpha: float) -> float:
    near, far = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    reach = near * math.sqrt(apart) + far * math.sqrt(max(0.0, apart - gap * gap))
    return (reach / gap) ** 2 if gap else math.inf


def _both(power: float, alpha: float) -> float:
    return NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)


def _checked(difference: float, discordant: float) -> tuple[float, float]:
    gap = abs(difference)
    if not 0 <= gap <= 1 or not 0 <= discordant <= 1:
        raise ValueError(f"a difference of {difference} with {discordant} discordant is no pair of shares")
    return gap, max(gap, discordant, 1e-9)
