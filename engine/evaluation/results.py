"""From answers to results.json: figures with intervals, paired comparisons, what was forgotten, one verdict.

No torch: a verdict can be computed again from the files alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.evaluation import significance as stats
from engine.evaluation.cases import Case, labels_of
from engine.evaluation.forgetting import forgetting
from engine.evaluation.journal import Output
from engine.evaluation.metrics import METRICS, Outcome, aggregate_scorer
from engine.evaluation.spec import EvaluationSpec
from engine.evaluation.verdict import nothing_to_compare, verdict_of

SCHEMA_VERSION = 1


def summarise(
    spec: EvaluationSpec,
    cases: Sequence[Case],
    answers: dict[str, dict[int, Output]],
    metrics: Sequence[str],
    state: dict[str, Any],
) -> dict[str, Any]:
    """The results.json document. `answers` is system -> row -> output; `state` the journal's timings and probes."""
    labels = labels_of(list(cases))
    primary = primary_metric(metrics, spec.task_type)
    systems = {}
    for system in spec.systems:
        outputs = answers[system.key]
        outcomes = [_outcome(case, outputs[case.row], labels) for case in cases]
        systems[system.key] = {
            "name": system.name,
            "metrics": {name: _figure(name, outputs, outcomes, spec.seed) for name in metrics},
            "latency": _latency(list(outputs.values()), state["systems"].get(system.key, {})),
            "truncated": sum(not output.ended for output in outputs.values()),
            "probes": {
                f"{score['suite']}.{score['measure']}": {k: v for k, v in score.items() if k != "items"}
                for score in state["probes"].get(system.key, [])
            },
        }
    comparisons, verdicts = [], {}
    names = {system.key: system.name for system in spec.systems}
    for candidate in spec.candidates:
        made = _compare(spec, cases, answers, metrics, primary, candidate.key, labels)
        comparisons += made
        forgotten = forgetting(
            state["probes"].get(spec.baseline, []),
            state["probes"].get(candidate.key, []),
            spec.forgetting_limit,
            spec.seed,
        )
        deciding = next(row for row in made if row["primary"])
        verdicts[candidate.key] = verdict_of(names[spec.baseline], candidate.name, deciding, forgotten)
    return {
        "schema_version": SCHEMA_VERSION,
        "n": len(cases),
        "task_type": spec.task_type,
        "baseline": spec.baseline,
        "primary_metric": primary,
        "systems": systems,
        "comparisons": comparisons,
        "verdicts": verdicts,
        "verdict": next(iter(verdicts.values()), nothing_to_compare(names[spec.baseline])),
    }


def primary_metric(metrics: Sequence[str], task_type: str) -> str:
    """The metric the verdict rests on: chosen before any answer was seen, so it needs no adjustment."""
    for name in metrics:
        if task_type in METRICS[name].primary:
            return name
    return next((name for name in metrics if METRICS[name].direction != "none"), metrics[0])


def _outcome(case: Case, output: Output, labels: tuple[str, ...]) -> Outcome:
    return Outcome(output.text, case.reference, labels, output.alone_s, output.tokens_out, output.tokens_in)


def _figure(name: str, outputs: dict[int, Output], outcomes: list[Outcome], seed: int) -> dict[str, Any]:
    metric = METRICS[name]
    if metric.kind == "aggregate":
        scorer = aggregate_scorer(name)
        rows = scorer.encode(outcomes)
        interval = stats.bootstrap_statistic(rows, scorer.statistic, seed)
        return _cell(scorer.statistic(rows), len(rows), interval, metric.unit)
    values = [output.scores[name] for output in outputs.values() if name in output.scores]
    if not values:
        return {"value": None, "n": 0, "low": None, "high": None, "unit": metric.unit}
    if metric.kind == "rate":
        interval = stats.wilson(round(sum(values)), len(values))
    else:
        interval = stats.bootstrap_mean(values, seed)
    return _cell(sum(values) / len(values), len(values), interval, metric.unit)


def _cell(value: float, n: int, interval: stats.Interval, unit: str) -> dict[str, Any]:
    return {"value": value, "n": n, "low": interval.low, "high": interval.high, "unit": unit}


def _latency(outputs: list[Output], timing: dict[str, Any]) -> dict[str, Any]:
    """Percentiles of requests that ran alone; time in a batch apart, for it is not what one request waits."""
    alone = [output.latency_s for output in outputs if output.alone]
    shared = [output.latency_s for output in outputs if not output.alone]
    seconds = float(timing.get("batch_seconds", 0.0))
    return {
        "p50": stats.percentile(alone, 0.5) if alone else None,
        "p99": stats.percentile(alone, 0.99) if alone else None,
        "n": len(alone),
        "measured": "seconds of one request alone, prompt to last token",
        "p99_is_slowest": len(alone) < 100,
        "merged": bool(timing.get("merged", False)),
        "batch": {
            "size": max((output.batch for output in outputs), default=0),
            "p50": stats.percentile(shared, 0.5) if shared else None,
            "p99": stats.percentile(shared, 0.99) if shared else None,
            "n": len(shared),
            "tokens_per_s": timing.get("batch_tokens", 0) / seconds if seconds else None,
        },
    }


def _compare(
    spec: EvaluationSpec,
    cases: Sequence[Case],
    answers: dict[str, dict[int, Output]],
    metrics: Sequence[str],
    primary: str,
    candidate: str,
    labels: tuple[str, ...],
) -> list[dict[str, Any]]:
    old, new = answers[spec.baseline], answers[candidate]
    found: list[tuple[str, stats.Difference]] = []
    for name in metrics:
        if METRICS[name].direction == "none" and name != primary:
            continue
        difference = _difference(name, cases, old, new, labels, spec.seed)
        if difference is not None:
            found.append((name, difference))
    secondary = [name for name, _ in found if name != primary]
    adjusted = dict(zip(secondary, stats.holm([d.p for name, d in found if name != primary]), strict=True))
    return [
        {
            "metric": name,
            "label": METRICS[name].label,
            "unit": METRICS[name].unit,
            "primary": name == primary,
            "baseline": spec.baseline,
            "candidate": candidate,
            **_renamed(asdict(difference)),
            "p_adjusted": adjusted.get(name, difference.p),
            "verdict": stats.verdict(difference, METRICS[name].direction != "lower", adjusted.get(name, difference.p)),
        }
        for name, difference in found
    ]


def _renamed(document: dict[str, Any]) -> dict[str, Any]:
    return {
        **{k: v for k, v in document.items() if k not in ("baseline", "candidate")},
        "baseline_value": document["baseline"],
        "candidate_value": document["candidate"],
    }


def _difference(
    name: str,
    cases: Sequence[Case],
    old: dict[int, Output],
    new: dict[int, Output],
    labels: tuple[str, ...],
    seed: int,
) -> stats.Difference | None:
    metric = METRICS[name]
    if metric.kind == "aggregate":
        scorer = aggregate_scorer(name)
        one, other = (
            scorer.encode([_outcome(case, outputs[case.row], labels) for case in cases]) for outputs in (old, new)
        )
        return stats.compare_statistic(one, other, scorer.statistic, seed)
    rows = [case.row for case in cases if name in old[case.row].scores and name in new[case.row].scores]
    if not rows:
        return None
    before = np.array([old[row].scores[name] for row in rows])
    after = np.array([new[row].scores[name] for row in rows])
    return stats.compare_rates(before, after) if metric.kind == "rate" else stats.compare_means(before, after, seed)
