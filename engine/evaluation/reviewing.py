"""What a blind review says: win rates, a test, agreement, bias of place, time; and preference pairs of its decisions.

One row has one voice. Where several people judged a row, what more than half of them said is its result, and no
majority is a draw: decisions about the same row are not independent, and counting each would narrow the intervals.
Intervals are Wilson's, 95 %; the test is the exact sign test over rows that are no draw (Dixon & Mood 1946), its p
adjusted by Holm where three systems give three pairs. No torch, the web may import it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

from engine.data import agreement
from engine.evaluation.significance import (
    ALPHA,
    BETTER,
    NO_DIFFERENCE,
    WORSE,
    Verdict,
    holm,
    mcnemar_exact,
    percentile,
    wilson,
)

Kind = Literal["won", "tie", "neither", "skip"]
# A visit to an item longer than this is a pause: no more of it counts.
LONGEST_VISIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person said of one row. ``order`` are the systems from left to right. ``winners`` are the system that
    was chosen and any other whose answer is the very same text; empty unless ``kind`` is "won"."""

    row: int
    reviewer: str
    order: tuple[str, ...]
    kind: Kind
    winners: tuple[str, ...] = ()
    chosen: str = ""
    seconds: float = 0.0

    @property
    def label(self) -> str:
        return " = ".join(sorted(self.winners)) if self.kind == "won" else self.kind


def visit_seconds(told: float | None, since_shown: float) -> float:
    """Seconds of one visit: what the page measured without idle time, never more than passed since it was shown; all
    of that where the page has no script; capped, for people go for coffee."""
    told = since_shown if told is None or not told >= 0 else told
    return round(min(told, max(since_shown, 0.0), LONGEST_VISIT_S), 1)


def of_row(decisions: Iterable[Decision]) -> Decision | None:
    """What a row's reviewers say together: a decision that more than half of those who decided share; "tie" without
    one. None where nobody decided. Skips do not count."""
    given = [each for each in decisions if each.kind != "skip"]
    if not given:
        return None
    label, votes = Counter(each.label for each in given).most_common(1)[0]
    if 2 * votes <= len(given):
        return Decision(given[0].row, "", given[0].order, "tie")
    return next(each for each in given if each.label == label)


def by_row(decisions: Iterable[Decision]) -> dict[int, list[Decision]]:
    rows: dict[int, list[Decision]] = defaultdict(list)
    for each in decisions:
        rows[each.row].append(each)
    return dict(rows)


def outcome_of_rows(decisions: Iterable[Decision]) -> dict[int, Decision]:
    found = {row: of_row(given) for row, given in by_row(decisions).items()}
    return {row: each for row, each in found.items() if each is not None}


def results(decisions: Sequence[Decision], systems: Sequence[str], equal: int = 0) -> dict[str, Any]:
    """Everything the results page shows, as JSON. ``equal`` rows were drawn and not shown, all answers being the same:
    they are draws of the points over all drawn rows, and of nothing else."""
    rows = outcome_of_rows(decisions)
    kinds = Counter(each.kind for each in rows.values())
    split = sum(kind == "tie" and not _agreed_tie(given) for kind, given in _with_kind(rows, decisions))
    return {
        "rows": len(rows),
        "equal": equal,
        "won": kinds["won"],
        "ties": kinds["tie"] - split,
        "split": split,
        "neither": kinds["neither"],
        "decisions": sum(each.kind != "skip" for each in decisions),
        "skipped": sum(each.kind == "skip" for each in decisions),
        "systems": {key: _system(list(rows.values()), key, equal) for key in systems},
        "pairs": _pairs(list(rows.values()), systems),
        "agreement": agree(decisions),
        "places": places(decisions, len(systems)),
        "seconds": spread([each.seconds for each in decisions if each.kind != "skip"]),
        "reviewers": {
            name: _reviewer([each for each in decisions if each.reviewer == name], systems)
            for name in sorted({each.reviewer for each in decisions})
        },
    }


def _with_kind(rows: Mapping[int, Decision], decisions: Sequence[Decision]) -> list[tuple[Kind, list[Decision]]]:
    grouped = by_row(decisions)
    return [(each.kind, grouped[row]) for row, each in rows.items()]


def _agreed_tie(given: Sequence[Decision]) -> bool:
    votes = [each for each in given if each.kind != "skip"]
    return 2 * sum(each.kind == "tie" for each in votes) > len(votes)


def rate(successes: float, n: int) -> dict[str, Any]:
    """A share with its 95 % interval; ``value`` is None when there is nothing to count."""
    return {"value": successes / n if n else None, "count": successes, "n": n, **asdict(wilson(successes, n))}


def _system(rows: Sequence[Decision], key: str, equal: int) -> dict[str, Any]:
    """``wins``: of the rows that somebody won. ``points``: of all rows drawn, a win 1, a draw (tie, neither, no
    majority, equal answers) one half each, a loss 0."""
    won = [each for each in rows if each.kind == "won"]
    wins, draws = sum(key in each.winners for each in won), len(rows) - len(won) + equal
    return {"wins": rate(wins, len(won)), "points": rate(wins + draws / 2, len(rows) + equal)}


def _pairs(rows: Sequence[Decision], systems: Sequence[str]) -> list[dict[str, Any]]:
    """One entry a pair (a, b): rows on which a was preferred, b was, or neither over the other."""
    found: list[dict[str, Any]] = []
    for a, b in combinations(systems, 2):
        wins = sum(a in each.winners and b not in each.winners for each in rows)
        losses = sum(b in each.winners and a not in each.winners for each in rows)
        share = rate(wins, wins + losses)
        found.append(
            {
                "a": a,
                "b": b,
                "wins": wins,
                "losses": losses,
                "draws": len(rows) - wins - losses,
                "share": share,
                "p": mcnemar_exact(losses, wins),
                "test": "exact sign test",
            }
        )
    for entry, p in zip(found, holm([entry["p"] for entry in found]), strict=True):
        entry["p_adjusted"] = p
        entry["verdict"] = _word(entry["share"], p)
    return found


def _word(share: Mapping[str, Any], p: float) -> Verdict:
    """Of a against b: test and interval must both speak."""
    if p >= ALPHA or share["low"] <= 0.5 <= share["high"]:
        return NO_DIFFERENCE
    return BETTER if share["value"] > 0.5 else WORSE


def agree(decisions: Sequence[Decision]) -> dict[str, Any] | None:
    """Agreement on the rows that two people or more decided; None without any. ``kappa`` is Cohen's for two people,
    Fleiss' for more where every row has as many decisions; ``alpha`` is Krippendorff's, which needs neither."""
    people = sorted({each.reviewer for each in decisions})
    patterns: Counter[tuple[str | None, ...]] = Counter()
    for given in by_row(each for each in decisions if each.kind != "skip").values():
        if len(given) > 1:
            said = {each.reviewer: each.label for each in given}
            patterns[tuple(said.get(person) for person in people)] += 1
    if not patterns:
        return None
    kappa = agreement.cohen_kappa(patterns) if len(people) == 2 else agreement.fleiss_kappa(patterns)
    interval = agreement.alpha_interval(patterns)
    return {
        "rows": sum(patterns.values()),
        "people": len(people),
        "percent": agreement.percent_agreement(patterns),
        "kappa": kappa,
        "kappa_name": "Cohen's kappa" if len(people) == 2 else "Fleiss' kappa",
        "alpha": agreement.krippendorff_alpha(patterns),
        "low": interval[0] if interval else None,
        "high": interval[1] if interval else None,
    }


def places(decisions: Sequence[Decision], count: int) -> list[dict[str, Any]]:
    """How often the answer at each place was chosen, left first, of all decisions for one answer. Without a liking for
    a place each share is about 1/``count``, since every order is shown equally often. ``biased``: the interval of
    this share does not hold that."""
    won = [each for each in decisions if each.kind == "won" and each.chosen in each.order]
    chosen = Counter(each.order.index(each.chosen) for each in won)
    found = [rate(chosen[place], len(won)) for place in range(count)]
    return [{**each, "expected": 1 / count, "biased": not each["low"] <= 1 / count <= each["high"]} for each in found]


def spread(seconds: Sequence[float]) -> dict[str, Any] | None:
    """Median and quarters of the seconds an item took."""
    if not seconds:
        return None
    return {
        "n": len(seconds),
        "p25": percentile(seconds, 0.25),
        "p50": percentile(seconds, 0.5),
        "p75": percentile(seconds, 0.75),
        "total": sum(seconds),
    }


def _reviewer(own: Sequence[Decision], systems: Sequence[str]) -> dict[str, Any]:
    kinds = Counter(each.kind for each in own)
    return {
        "decided": len(own) - kinds["skip"],
        "skipped": kinds["skip"],
        "ties": kinds["tie"],
        "neither": kinds["neither"],
        "wins": {key: rate(sum(key in each.winners for each in own), kinds["won"]) for key in systems},
        "left": places(own, len(systems))[0],
        "seconds": spread([each.seconds for each in own if each.kind != "skip"]),
    }
