"""From judged pairs to figures: win rate, position bias, and how far judge and people agree. No torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from engine.data.agreement import cohen_kappa
from engine.evaluation import significance as stats
from engine.evaluation.judging import Judged, Pair


def summed(pairs: Mapping[Pair, Judged], seed: int) -> list[dict[str, Any]]:
    """One entry for each two systems: wins of each, ties, the win rate of `b` (a tie is half a win) with its 95 %
    interval and sign-flip p, the word, and the position bias with Wilson's interval."""
    by_two: dict[tuple[str, str], dict[int, Judged]] = {}
    for pair, judged in pairs.items():
        if judged.whole:
            by_two.setdefault((pair.a, pair.b), {})[pair.row] = judged
    return [_of_two(a, b, rows, seed) for (a, b), rows in by_two.items()]


def _of_two(a: str, b: str, rows: dict[int, Judged], seed: int) -> dict[str, Any]:
    decided = {row: one.decision for row, one in rows.items() if one.decision is not None}
    counts = Counter(decided.values())
    points = [{"a": 0.0, "tie": 0.5, "b": 1.0}[decision] for decision in decided.values()]
    asked = [one for one in rows.values() if not one.equal and not one.unreadable]
    moved = sum(one.moved for one in asked)
    bias = stats.wilson(moved, len(asked))
    firsts = sum((one.said["ab"] == "a") + (one.said["ba"] == "b") for one in asked)
    return {
        "a": a,
        "b": b,
        "n": len(decided),
        "wins_a": counts["a"],
        "wins_b": counts["b"],
        "ties": counts["tie"],
        "unreadable": len(rows) - len(decided),
        **_rate(points, seed),
        "position_bias": moved / len(asked) if asked else None,
        "position_low": bias.low,
        "position_high": bias.high,
        "asked": len(asked),
        "first_share": firsts / (2 * len(asked)) if asked else None,
        "decisions": {str(row): decision for row, decision in sorted(decided.items())},
    }


def _rate(points: list[float], seed: int) -> dict[str, Any]:
    """The interval is the wider one of bootstrap and Wilson: on few pairs, or equal ones, the bootstrap is too sure."""
    if not points:
        return {"win_rate": None, "low": None, "high": None, "p": None, "verdict": stats.NO_DIFFERENCE}
    rate = sum(points) / len(points)
    drawn = stats.bootstrap_mean(points, seed)
    least, most = stats.wilson(int(sum(points)), len(points)), stats.wilson(-int(-sum(points) // 1), len(points))
    p = stats.sign_flip([point - 0.5 for point in points], seed)
    word = stats.NO_DIFFERENCE if p >= stats.ALPHA else stats.BETTER if rate > 0.5 else stats.WORSE
    return {
        "win_rate": rate,
        "low": min(drawn.low, least.low),
        "high": max(drawn.high, most.high),
        "p": p,
        "verdict": word,
    }


def agreement(judge: Mapping[Any, str], people: Mapping[Any, str]) -> dict[str, Any]:
    """How far a judge's decisions are people's, over what both decided ("a", "b" or "tie", by row or by anything else).

    Share agreed with Wilson's interval, and Cohen's kappa (1960), None where chance alone would agree always; the same
    without ties of either, as MT-bench's second setup counts.
    """
    shared = [(judge[key], people[key]) for key in judge.keys() & people.keys()]
    clear = [pair for pair in shared if "tie" not in pair]
    return {**_agreed(shared), "without_ties": _agreed(clear)}


def _agreed(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    counts: Counter[tuple[str | None, ...]] = Counter(pairs)
    n, same = counts.total(), sum(many for pair, many in counts.items() if pair[0] == pair[1])
    interval = stats.wilson(same, n)
    return {
        "n": n,
        "agreed": same / n if n else None,
        "low": interval.low,
        "high": interval.high,
        "kappa": cohen_kappa(counts),
    }
