"""The same comparison on parts of the rows, and the parts that got worse behind a figure that did not. No torch.

Small slices are shown and not judged. The p of the others are adjusted by Holm for the number of slices, apart for each
candidate; the word needs the adjusted p and the interval, as everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from engine.evaluation import significance as stats
from engine.evaluation.comparing import Answers, difference
from engine.evaluation.figures import figure, outcome_of

SLICED_BY = {
    "label": "Label",
    "length": "Prompt length",
    "language": "Language",
    "tags": "Tag",
    "source": "Source",
    "cluster": "Topic",
    "difficulty": "Difficulty",
}
"""The facts of a row that make slices, in the order of the page."""

SMALL = 20
"""Rows under which a slice is shown and not judged."""

MOST_VALUES = 80
"""Slices of one kind; the smaller ones are left out and counted."""

RESAMPLES = 500


def slice_rows(facts: Sequence[dict[str, Any]]) -> dict[tuple[str, str], list[int]]:
    """(by, value) -> positions of its rows. A kind with one value alone is the whole, and no slice."""
    found: dict[tuple[str, str], list[int]] = {}
    for by in SLICED_BY:
        rows: dict[str, list[int]] = {}
        for place, known in enumerate(facts):
            for value in _values(known.get(by)):
                rows.setdefault(value, []).append(place)
        largest = sorted(rows, key=lambda value: (-len(rows[value]), value))[:MOST_VALUES]
        whole = len(rows) == 1 and len(rows[largest[0]]) == len(facts)
        found.update({} if whole else {(by, value): rows[value] for value in largest})
    return found


def left_out(facts: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many values of a kind have no slice of their own, because there are too many."""
    counts = {by: len(Counter(value for known in facts for value in _values(known.get(by)))) for by in SLICED_BY}
    return {by: count - MOST_VALUES for by, count in counts.items() if count > MOST_VALUES}


def slices_of(
    answers: Answers,
    facts: Sequence[dict[str, Any]],
    systems: Sequence[str],
    baseline: str,
    metric: str,
) -> list[dict[str, Any]]:
    """The rows of results["slices"], the worst first: where a candidate got worse, then by its difference; the small
    ones at the end."""
    found: list[dict[str, Any]] = [
        {
            "by": by,
            "value": value,
            "n": len(rows),
            "small": len(rows) < SMALL,
            "systems": {key: _figure(answers, key, metric, rows) for key in systems},
            "comparisons": _compared(answers, systems, baseline, metric, rows),
        }
        for (by, value), rows in slice_rows(facts).items()
    ]
    higher = answers.catalogue[metric].direction != "lower"
    for candidate in systems:
        judged = [row for row in found if not row["small"] and candidate in row["comparisons"]]
        for row, p in zip(judged, stats.holm([row["comparisons"][candidate]["p"] for row in judged]), strict=True):
            comparison = row["comparisons"][candidate]
            comparison["p_adjusted"] = p
            comparison["verdict"] = stats.verdict(_as_difference(comparison), higher, p)
    return sorted(found, key=lambda row: _order(row, higher))


def hidden_by(
    slices: Sequence[dict[str, Any]], deciding: dict[str, dict[str, Any]], names: dict[str, str]
) -> list[dict[str, Any]]:
    """Slices that got worse where the figure over all rows did not. `deciding`: candidate -> its primary comparison."""
    words = {
        stats.BETTER: "is better over all rows and worse on",
        stats.NO_DIFFERENCE: "shows no difference over all rows and is worse on",
    }
    return [
        {
            "by": row["by"],
            "value": row["value"],
            "candidate": candidate,
            "sentence": f"{names[candidate]} {words[deciding[candidate]['verdict']]} "
            f"{SLICED_BY[row['by']].lower()} “{row['value']}” ({row['n']} rows).",
        }
        for row in slices
        for candidate, comparison in row["comparisons"].items()
        if comparison["verdict"] == stats.WORSE and deciding[candidate]["verdict"] in words
    ]


def _values(fact: Any) -> list[str]:
    return [str(value) for value in fact] if isinstance(fact, list) else [str(fact)] if fact else []


def _figure(answers: Answers, system: str, metric: str, rows: Sequence[int]) -> dict[str, Any]:
    outputs = [answers.outputs[system][answers.cases[row].row] for row in rows]
    outcomes = [outcome_of(answers.cases[row], out, answers.labels) for row, out in zip(rows, outputs, strict=True)]
    cell = figure(metric, outputs, outcomes, answers.seed, RESAMPLES)
    return {name: cell[name] for name in ("value", "low", "high", "n")}


def _compared(
    answers: Answers, systems: Sequence[str], baseline: str, metric: str, rows: Sequence[int]
) -> dict[str, dict[str, Any]]:
    found = {}
    for candidate in systems:
        if candidate == baseline:
            continue
        made = difference(metric, answers, baseline, candidate, rows, RESAMPLES)
        if made is not None:
            found[candidate] = {
                "difference": made.difference,
                "low": made.low,
                "high": made.high,
                "p": made.p,
                "p_adjusted": None,
                "n": made.n,
                "verdict": stats.NO_DIFFERENCE,
            }
    return found


def _as_difference(row: dict[str, Any]) -> stats.Difference:
    return stats.Difference(row["n"], 0.0, 0.0, row["difference"], row["low"], row["high"], row["p"], "")


def _order(row: dict[str, Any], higher_is_better: bool) -> tuple[Any, ...]:
    sign = 1 if higher_is_better else -1
    gains = [sign * comparison["difference"] for comparison in row["comparisons"].values()]
    worse = any(comparison["verdict"] == stats.WORSE for comparison in row["comparisons"].values())
    values = [sign * cell["value"] for cell in row["systems"].values() if cell["value"] is not None]
    return (row["small"], not worse, min(gains, default=0.0), min(values, default=0.0), row["by"], row["value"])
