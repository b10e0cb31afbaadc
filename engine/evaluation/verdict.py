"""One sentence a person can act on: better, worse or no difference shown, and what was forgotten. No torch."""

from __future__ import annotations

from typing import Any

from engine.evaluation import significance as stats
from engine.evaluation.words import as_gap, as_p, as_value, bare, moved


def verdict_of(baseline: str, candidate: str, comparison: dict[str, Any], forgotten: dict[str, Any]) -> dict[str, Any]:
    """The verdict on one candidate from the comparison of the primary metric and its forgetting report."""
    return {
        "word": comparison["verdict"],
        "metric": comparison["metric"],
        "candidate": comparison["candidate"],
        "sentence": f"{_gain(baseline, candidate, comparison)} {forgetting_sentence(forgotten)}",
        "forgetting": forgotten,
    }


def nothing_to_compare(name: str) -> dict[str, Any]:
    return {
        "word": stats.NO_DIFFERENCE,
        "metric": None,
        "candidate": None,
        "sentence": f"Only {name} was evaluated: there is nothing to compare it with.",
        "forgetting": {"limit": None, "measured": False, "passed": None, "worst": None, "measures": []},
    }


def _gain(baseline: str, candidate: str, row: dict[str, Any]) -> str:
    label = row["label"][0].lower() + row["label"][1:]
    if row["verdict"] == stats.NO_DIFFERENCE:
        opening = f"No difference shown between {candidate} and {baseline} on {label}"
    else:
        opening = f"{candidate} is {row['verdict']} than {baseline} on {label}"
    values = f"{as_value(row['candidate_value'], row['unit'])} against {as_value(row['baseline_value'], row['unit'])}"
    gap = (
        f"{as_gap(row['difference'], row['unit'])}, 95 % interval {bare(row['low'], row['unit'])} to "
        f"{bare(row['high'], row['unit'])}"
    )
    return f"{opening}: {values} ({gap}, n = {row['n']}, {row['test']}, {as_p(row['p'], row.get('p_adjusted'))})."


def forgetting_sentence(forgotten: dict[str, Any]) -> str:
    """What the probes say was lost, the limit named; measures within it are named too."""
    if not forgotten["measured"]:
        return "What was forgotten was not measured."
    lost = [row for row in forgotten["measures"] if row["beyond_limit"]]
    limit = f"{100 * forgotten['limit']:g} %"
    if lost:
        parts = [moved(row) for row in lost]
        return f"Forgotten beyond the limit of {limit}: {'; '.join(parts)}."
    parts = [moved(row) for row in forgotten["measures"]]
    return f"Nothing was forgotten beyond the limit of {limit}: {'; '.join(parts)}."
