"""What a tuned model no longer knows: its probe scores against the baseline's, by suite and measure. No torch."""

from __future__ import annotations

from typing import Any

from engine.evaluation import significance as stats
from engine.evaluation.measures import MEASURES, change, counted, label
from engine.evaluation.suite_rows import title_of


def forgetting(
    baseline: list[dict[str, Any]], candidate: list[dict[str, Any]], limit: float, seed: int = 42
) -> dict[str, Any]:
    """Compare probe scores (SuiteScore documents with items) of two models.

    A measure is beyond the limit when its relative change, as far as it counts (``measures.counted``), is at or under
    -limit. Test and interval over the suite's items stand beside it to say how sure the change is.
    """
    known = {(score["suite"], score["measure"]): score for score in baseline}
    measures = [
        _measure(known[score["suite"], score["measure"]], score, limit, seed)
        for score in candidate
        if (score["suite"], score["measure"]) in known
    ]
    return {
        "limit": limit,
        "measured": bool(measures),
        "passed": not any(row["beyond_limit"] for row in measures) if measures else None,
        "worst": min(measures, key=lambda row: row["change"], default=None),
        "measures": measures,
    }


def _measure(old: dict[str, Any], new: dict[str, Any], limit: float, seed: int) -> dict[str, Any]:
    name = new["measure"]
    shared = sorted(old["items"].keys() & new["items"].keys())
    before, after = [old["items"][key] for key in shared], [new["items"][key] for key in shared]
    rates = MEASURES[name].kind == "rate"
    difference = stats.compare_rates(before, after) if rates else stats.compare_means(before, after, seed)
    relative = change(old["score"], new["score"], name)
    return {
        "suite": new["suite"],
        "measure": name,
        "title": (title := new.get("title") or title_of(new["suite"])),
        "label": label(title, name),
        "baseline": old["score"],
        "score": new["score"],
        "normalised": _normalised(old, new),
        "change": relative,
        "beyond_limit": counted(old["score"], new["score"], name, new["n"]) <= -limit,
        "n": difference.n,
        "difference": difference.difference,
        "low": difference.low,
        "high": difference.high,
        "p": difference.p,
        "test": difference.test,
        "verdict": stats.verdict(difference, MEASURES[name].better == "higher"),
        "domains": {
            domain: {
                "baseline": old["domains"][domain]["score"],
                "score": figure["score"],
                "n": figure["n"],
                "change": change(old["domains"][domain]["score"], figure["score"], name),
            }
            for domain, figure in new["domains"].items()
            if domain in old["domains"]
        },
    }


def _normalised(old: dict[str, Any], new: dict[str, Any]) -> dict[str, float] | None:
    """Accuracy by length-normalised likelihood, where both have it (questions with choices); shown, not judged by."""
    if old.get("normalised") is None or new.get("normalised") is None:
        return None
    return {"baseline": old["normalised"], "score": new["normalised"]}
