"""The gates: one file each, named in one table; from a results document and limits to ship, do not ship, or not enough
evidence. No torch, the web may import it.

A gate's file has `check(seen) -> Finding | None`; None says that it does not apply. The first gate of the table that
failed decides "do not ship"; without one, the first that cannot be told and blocks decides "not enough evidence"; else
the minimum gain decides "ship". The same document and limits give the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal

from engine.evaluation.comparing import between
from engine.evaluation.gates.choosing import best_base, cheapest
from engine.evaluation.gates.seen import Finding, Seen, is_real, value_of
from engine.evaluation.limits import GateLimits
from engine.evaluation.significance import holm

Word = Literal["ship", "do not ship", "not enough evidence"]
SHIP: Word = "ship"
DO_NOT_SHIP: Word = "do not ship"
NOT_ENOUGH: Word = "not enough evidence"


@dataclass(frozen=True, slots=True)
class Gate:
    """One row of the table. `module` is loaded on first use."""

    module: str
    label: str
    help: str


GATES: dict[str, Gate] = {
    "safety": Gate("safety", "Safety regression", "Unsafe prompts refused and harmless ones answered, as before."),
    "forgetting": Gate("forgetting", "Forgetting", "No general suite fell by the limit or more."),
    "minimum_gain": Gate("gain", "Minimum gain", "Better than the base with its best prompt, by at least this."),
    "required_slices": Gate("required_slices", "Required slices", "None of the slices named got worse."),
    "format": Gate("format_floor", "Format floor", "Share of answers in the format that was asked for."),
    "latency": Gate("latency", "Latency ceiling", "Seconds that 95 of 100 requests stay under."),
    "cost": Gate("cost", "Cost ceiling", "Money per 1,000 requests."),
    "minimum_rows": Gate("enough_rows", "Fewest rows", "Rows that the verdict rests on."),
    "alternative": Gate("alternative", "Cheapest alternative", "Better than a cheaper system that meets the bar."),
}
"""In the order in which they decide."""

LAST = "alternative"
"""It needs to know which systems passed the others."""


def judge(results: dict[str, Any], limits: GateLimits) -> dict[str, dict[str, Any]]:
    """results["gates"]: candidate -> word, decided_by, sentence, against, alternative, and every gate's finding."""
    candidates = [key for key in results["systems"] if key != results["baseline"] and is_real(results, key)]
    against = {key: best_base(results, key) for key in candidates}
    p_values = _adjusted(results, against)
    seen = {key: Seen(results, key, against[key], limits, p_values.get(key)) for key in candidates}
    first = {key: _look(seen[key], [name for name in GATES if name != LAST]) for key in candidates}
    meeting = [key for key in candidates if _word(first[key])[0] == SHIP]
    return {key: _judged(seen[key], first[key], cheapest(results, key, meeting)) for key in candidates}


def decide(results: dict[str, Any], judged: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The one decision of an evaluation: of the systems with the best word, the one with the best primary figure."""
    for word in (SHIP, NOT_ENOUGH, DO_NOT_SHIP):
        keys = [key for key, one in judged.items() if one["word"] == word]
        if keys:
            best = max(keys, key=lambda key: value_of(results, key))
            return {"candidate": best, **{name: judged[best][name] for name in ("word", "decided_by", "sentence")}}
    sentence = "Not enough evidence: there is no system beside the baseline to decide about."
    return {"candidate": None, "word": NOT_ENOUGH, "decided_by": None, "sentence": sentence}


def _adjusted(results: dict[str, Any], against: dict[str, str]) -> dict[str, float]:
    """The p of each candidate's gain over the base with its best prompt, by Holm for the number of candidates."""
    rows = {
        key: row
        for key, other in against.items()
        if (row := between(results["comparisons"], results["primary_metric"], other, key)) is not None
    }
    return dict(zip(rows, holm([row["p"] for row in rows.values()]), strict=True))


def _look(seen: Seen, names: Sequence[str]) -> dict[str, Finding]:
    found = {name: import_module(f"{__name__}.{GATES[name].module}").check(seen) for name in names}
    return {name: finding for name, finding in found.items() if finding is not None}


def _judged(seen: Seen, first: dict[str, Finding], alternative: str | None) -> dict[str, Any]:
    last = replace(seen, alternative=alternative)
    found = {**first, **_look(last, [LAST])}
    word, name = _word(found)
    return {
        "word": word,
        "decided_by": name,
        "sentence": f"{_OPENING[word].format(seen.name)} {GATES[name].label}: {found[name].sentence}",
        "against": seen.against,
        "alternative": alternative,
        "gates": [
            {
                "name": each,
                "label": GATES[each].label,
                "limit": finding.limit,
                "found": finding.found,
                "passed": finding.passed,
                "blocks": finding.passed is False or (finding.passed is None and finding.blocks),
                "sentence": finding.sentence,
            }
            for each, finding in found.items()
        ],
    }


_OPENING: dict[Word, str] = {
    SHIP: "Ship {}.",
    DO_NOT_SHIP: "Do not ship {}.",
    NOT_ENOUGH: "Not enough evidence to ship {}.",
}


def _word(found: dict[str, Finding]) -> tuple[Word, str]:
    failed = next((name for name, finding in found.items() if finding.passed is False), None)
    if failed is not None:
        return DO_NOT_SHIP, failed
    unknown = next((name for name, finding in found.items() if finding.passed is None and finding.blocks), None)
    return (NOT_ENOUGH, unknown) if unknown is not None else (SHIP, "minimum_gain")
