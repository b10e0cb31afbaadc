"""Why rows fail, and what would mend it: one file a cause, in one table. No torch, the web may read the table.

A cause's file has `RULES` (name -> one sentence) and `find(failure) -> name | None`. The causes are asked in the order
of the table; the last one takes what no other explains, so that tuning is the advice only where nothing cheaper is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from engine.evaluation.cases import Case
from engine.evaluation.diagnosis.behaviour_gap import OPEN_RULES
from engine.evaluation.diagnosis.failure import Failure
from engine.evaluation.journal import Output
from engine.evaluation.metrics import METRICS
from engine.evaluation.rules import own_format
from engine.evaluation.significance import wilson

FEW = 20
"""Failures under which no cause is said to dominate."""

HALF = 0.5
"""A cause dominates when the 95 % interval of its share of the failures lies above this."""

BELOW = 0.5
"""Where the deciding metric is a number a row, a row under this failed."""

TUNING, JUDGE = "behaviour_gap", "judge"


@dataclass(frozen=True, slots=True)
class Cause:
    """One row of the table. `module` is loaded on first use."""

    module: str
    label: str
    remedy: str
    advice: str


CAUSES: dict[str, Cause] = {
    "format": Cause(
        "format",
        "Format",
        "structured output",
        "Constrain the output (a JSON schema, a list of labels) or raise the limit of tokens; that needs no training.",
    ),
    "ignored_instruction": Cause(
        "ignored_instruction",
        "Ignored instruction",
        "prompt",
        "Say it more plainly in the prompt, with an example, before training anything.",
    ),
    "knowledge_gap": Cause(
        "knowledge_gap",
        "Knowledge gap",
        "retrieval",
        "Give the model the documents that hold these facts; tuning teaches manner and not facts.",
    ),
    "behaviour_gap": Cause(
        "behaviour_gap",
        "Behaviour gap",
        "tuning",
        "Train on more rows like these: what was needed was at hand, and the model did something else with it.",
    ),
}


def diagnose(
    cases: Sequence[Case],
    answers: Mapping[str, Mapping[int, Output]],
    metrics: Sequence[str],
    primary: str,
    said: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, dict[str, Any]]:
    """results["diagnosis"]: system -> failures, causes, advice, and the cause and rule of every failed row.

    `said`: system -> row -> the cause a judge named, for rows whose rule leaves the cause open.
    """
    deciding = deciding_metric(metrics, primary)
    if deciding is None:
        return {}
    form = own_format([case.reference for case in cases])
    return {
        key: _of_system(cases, outputs, deciding, form, (said or {}).get(key, {})) for key, outputs in answers.items()
    }


def deciding_metric(metrics: Sequence[str], primary: str) -> str | None:
    """The metric that says of a row whether it failed: the primary one; where that exists only over many rows, the
    first yes/no one."""
    rows = [name for name in (primary, *metrics) if name in METRICS and METRICS[name].direction == "higher"]
    usable = [
        name for name in rows if METRICS[name].kind == "rate" or (name == primary and METRICS[name].kind == "mean")
    ]
    return usable[0] if usable else None


def failed(score: float, metric: str) -> bool:
    return score < 1.0 if METRICS[metric].kind == "rate" else score < BELOW


def sort_out(failure: Failure) -> tuple[str, str]:
    """(cause, rule) of one failure."""
    for name, cause in CAUSES.items():
        rule = import_module(f"{__name__}.{cause.module}").find(failure)
        if rule is not None:
            return name, str(rule)
    raise AssertionError("the last cause takes everything")


def rule_text(cause: str, rule: str) -> str:
    """The sentence of a rule; a name that is not in the table as it is."""
    if cause not in CAUSES:
        return rule
    if rule == JUDGE:
        return "A judge read the row and named this cause."
    rules: dict[str, str] = import_module(f"{__name__}.{CAUSES[cause].module}").RULES
    return rules.get(rule, rule)


def summary(causes: Iterable[str]) -> dict[str, Any]:
    """Counts, the advice, and the remedy that it recommends (None: none dominates), from the causes of all failures."""
    counts = dict.fromkeys(CAUSES, 0)
    for cause in causes:
        counts[cause] += 1
    n = sum(counts.values())
    shares: dict[str, dict[str, Any]] = {}
    for cause, count in counts.items():
        interval = wilson(count, n)
        shares[cause] = {"share": count / n if n else None, "low": interval.low, "high": interval.high, "n": n}
    main = next((c for c in CAUSES if n >= FEW and shares[c]["low"] > HALF), None)
    return {
        "failures": n,
        "causes": counts,
        "shares": shares,
        "recommends": CAUSES[main].remedy if main else None,
        "advice": _advice(counts, n, main),
    }


def _advice(counts: Mapping[str, int], n: int, main: str | None) -> str:
    if not n:
        return "No row failed: there is nothing to mend."
    if n < FEW:
        return f"{n} failed rows are too few to say what dominates (at least {FEW}); read them one by one."
    if main:
        interval = wilson(counts[main], n)
        share = f"{counts[main]} of {n} failures, 95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f} %"
        return f"{CAUSES[main].label} dominates ({share}): {CAUSES[main].remedy}. {CAUSES[main].advice}"
    largest = sorted((cause for cause in CAUSES if counts[cause]), key=lambda cause: -counts[cause])
    listed = ", ".join(f"{CAUSES[cause].label.lower()} {counts[cause]}" for cause in largest)
    # In the order of the table the remedies grow dearer.
    cheapest = next(cause for cause in CAUSES if cause in largest[:2])
    start = CAUSES[cheapest]
    tuning = " Tuning is not recommended before." if cheapest != TUNING else ""
    return f"No cause dominates the {n} failures ({listed}). Begin with the {start.remedy}: {start.advice}{tuning}"


def _of_system(
    cases: Sequence[Case],
    outputs: Mapping[int, Output],
    metric: str,
    form: Mapping[str, Any] | None,
    said: Mapping[str, str],
) -> dict[str, Any]:
    rows: dict[str, dict[str, str]] = {}
    unanswered = 0
    for case in cases:
        output = outputs[case.row]
        if metric not in output.scores or not failed(output.scores[metric], metric):
            continue
        if getattr(output, "problem", ""):
            unanswered += 1  # an endpoint that did not answer is no fault of the model
            continue
        cause, rule = sort_out(Failure(case, output.text, output.ended, form))
        if rule in OPEN_RULES and said.get(str(case.row)) in CAUSES:
            cause, rule = said[str(case.row)], JUDGE
        rows[str(case.row)] = {"cause": cause, "rule": rule}
    return {**summary(row["cause"] for row in rows.values()), "unanswered": unanswered, "rows": rows}
