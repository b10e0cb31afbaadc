"""How far do people who label the same rows agree, beyond chance? Cohen's kappa, Fleiss' kappa, Krippendorff's alpha.

Nominal labels. Each takes rows as patterns with how often they occur, so that cost follows the different patterns.
Cohen 1960; Fleiss 1971; Krippendorff 2011 (Computing Krippendorff's alpha-reliability).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

# The labels of one row, by annotator in a fixed order (None: gave none) → how many rows look so.
Patterns = Mapping[tuple[str | None, ...], int]


def cohen_kappa(patterns: Patterns) -> float | None:
    """Of two annotators, over rows that both labelled. None when chance alone always agrees, or nothing is left."""
    pairs = {each: count for each, count in patterns.items() if len(each) == 2 and None not in each}
    rows = sum(pairs.values())
    if not rows:
        return None
    ones, others = Counter[str | None](), Counter[str | None]()
    for (one, other), count in pairs.items():
        ones[one] += count
        others[other] += count
    agreed = sum(count for (one, other), count in pairs.items() if one == other) / rows
    return _beyond(agreed, sum(ones[label] * others[label] for label in ones) / rows**2)


def fleiss_kappa(patterns: Patterns) -> float | None:
    """Of any annotators, each row having the same number of labels (two at least); None where it has not."""
    sizes = {sum(label is not None for label in each) for each in patterns}
    if len(sizes) != 1 or min(sizes) < 2:
        return None
    raters, rows = sizes.pop(), sum(patterns.values())
    totals = Counter[str]()
    agreed = 0.0
    for each, count in patterns.items():
        given = Counter(label for label in each if label is not None)
        totals.update({label: n * count for label, n in given.items()})
        agreed += count * (sum(n * n for n in given.values()) - raters) / (raters * (raters - 1))
    return _beyond(agreed / rows, sum((n / (rows * raters)) ** 2 for n in totals.values()))


def krippendorff_alpha(patterns: Patterns) -> float | None:
    """1 − observed by expected disagreement; labels may be missing, rows with fewer than two do not count."""
    totals = Counter[str]()
    agreed = 0.0
    for each, count in patterns.items():
        given = Counter(label for label in each if label is not None)
        size = given.total()
        if size < 2:
            continue
        totals.update({label: n * count for label, n in given.items()})
        agreed += count * sum(n * (n - 1) for n in given.values()) / (size - 1)
    values = totals.total()
    if values < 2:
        return None
    return _beyond(agreed / values, sum(n * (n - 1) for n in totals.values()) / (values * (values - 1)))


def percent_agreement(patterns: Patterns) -> float | None:
    """Share of pairs of labels of one row that are equal, each row counting the same."""
    shares = [(_equal_pairs(each), count) for each, count in patterns.items() if len(_given(each)) > 1]
    rows = sum(count for _, count in shares)
    return sum(share * count for share, count in shares) / rows if rows else None


def alpha_interval(patterns: Patterns, seed: int = 42, resamples: int = 500) -> tuple[float, float] | None:
    """95 % of alpha over rows drawn again with replacement."""
    rows = sum(patterns.values())
    if rows < 2:
        return None
    keys, shares = list(patterns), np.array(list(patterns.values())) / rows
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        drawn = generator.multinomial(rows, shares)
        alpha = krippendorff_alpha({key: int(n) for key, n in zip(keys, drawn, strict=True) if n})
        if alpha is not None:
            found.append(alpha)
    return (float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))) if found else None


def disagrees(labels: Iterable[str | None]) -> bool:
    return len({label for label in labels if label is not None}) > 1


def _beyond(agreed: float, by_chance: float) -> float | None:
    return None if by_chance >= 1 else (agreed - by_chance) / (1 - by_chance)


def _given(each: tuple[str | None, ...]) -> list[str]:
    return [label for label in each if label is not None]


def _equal_pairs(each: tuple[str | None, ...]) -> float:
    given = Counter(_given(each))
    size = given.total()
    return sum(n * (n - 1) for n in given.values()) / (size * (size - 1))
