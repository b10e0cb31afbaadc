"""One sentence a person can act on: better, worse or no difference shown, and what was forgotten. No torch."""

from __future__ import annotations

from typing import Any

from engine.evaluation import significance as stats


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
    values = f"{_value(row['candidate_value'], row['unit'])} against {_value(row['baseline_value'], row['unit'])}"
    gap = (
        f"{_gap(row['difference'], row['unit'])}, 95 % interval {_bare(row['low'], row['unit'])} to "
        f"{_bare(row['high'], row['unit'])}"
    )
    return f"{opening}: {values} ({gap}, n = {row['n']}, {row['test']}, {_p(row['p'])})."


def forgetting_sentence(forgotten: dict[str, Any]) -> str:
    """What the probes say was lost, the limit named; measures within it are named too."""
    if not forgotten["measured"]:
        return "What was forgotten was not measured."
    lost = [row for row in forgotten["measures"] if row["beyond_limit"]]
    limit = f"{100 * forgotten['limit']:g} %"
    if lost:
        parts = [_moved(row) for row in lost]
        return f"Forgotten beyond the limit of {limit}: {'; '.join(parts)}."
    parts = [_moved(row) for row in forgotten["measures"]]
    return f"Nothing was forgotten beyond the limit of {limit}: {'; '.join(parts)}."


def _moved(row: dict[str, Any]) -> str:
    moved = row["score"] - row["baseline"]
    share = 100 * abs(row["change"])
    label = row["label"][0].lower() + row["label"][1:]
    if abs(moved) < 1e-9:
        return f"{label} unchanged"
    verb = "rose" if moved > 0 else "fell"
    sure = "" if row["verdict"] != stats.NO_DIFFERENCE else f", which {row['n']} items do not show to be real"
    return f"{label} {verb} by {share:.1f} %{sure}"


def _value(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.2f} s" if unit == "seconds" else f"{value:.3f}"


def _gap(value: float, unit: str) -> str:
    return f"{100 * value:+.1f} points" if unit == "share" else f"{_bare(value, unit)}"


def _bare(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * value:+.1f}"
    return f"{value:+.2f} s" if unit == "seconds" else f"{value:+.3f}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
