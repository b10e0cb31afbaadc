"""From answers to results.json: figures with intervals, paired comparisons, slices, what was forgotten, one verdict.

No torch: a verdict can be computed again from the files alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.evaluation.cases import Case, labels_of
from engine.evaluation.comparing import Answers, between, compare_systems
from engine.evaluation.costs import per_thousand
from engine.evaluation.diagnosis import diagnose
from engine.evaluation.figures import figure, latency_of, outcome_of
from engine.evaluation.floors import FLOORS, floors
from engine.evaluation.forgetting import forgetting
from engine.evaluation.gates import decide, judge
from engine.evaluation.journal import Output
from engine.evaluation.limits import GateLimits
from engine.evaluation.metrics import METRICS, Catalogue
from engine.evaluation.own_metrics import described, own_table
from engine.evaluation.retrieved import retrieval_figures
from engine.evaluation.slices import hidden_by, left_out, slices_of
from engine.evaluation.spec import EvaluationSpec, SystemSpec
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
    primary = spec.primary or primary_metric(metrics, spec.task_type)
    own = own_table(spec.own_metrics, (output.scores for found in answers.values() for output in found.values()))
    known = Answers(cases, answers, labels, spec.seed, Catalogue(own, spec.metric_options))
    names = {system.key: system.name for system in spec.systems}
    real = real_systems(spec)
    comparisons = compare_systems(known, real, spec.baseline, [*metrics, *own], primary, spec.gates.effect / 100)
    candidates = [key for key in real if key != spec.baseline]
    deciding = {key: row for key in candidates if (row := between(comparisons, primary, spec.baseline, key))}
    verdicts = {
        key: verdict_of(names[spec.baseline], names[key], row, _forgotten(spec, state, key))
        for key, row in deciding.items()
    }
    facts, kinds = [case.facts for case in cases], {system.kind for system in spec.systems}
    slices = slices_of(known, facts, real, spec.baseline, primary)
    results: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "n": len(cases),
        "task_type": spec.task_type,
        "baseline": spec.baseline,
        "primary_metric": primary,
        "systems": {system.key: _system(system, spec, known, [*metrics, *own], state) for system in spec.systems},
        "floor": floors(cases, labels, metrics, spec.seed, kinds, spec.metric_options),
        "own_metrics": described(own),
        "comparisons": comparisons,
        "slices": slices,
        "slices_left_out": left_out(facts),
        "hidden": hidden_by(slices, deciding, names),
        "diagnosis": diagnose(cases, {key: answers[key] for key in real}, metrics, primary, state.get("causes")),
        "verdicts": verdicts,
        "verdict": next(iter(verdicts.values()), nothing_to_compare(names[spec.baseline])),
    }
    return with_gates(results, spec.gates)


def with_gates(results: dict[str, Any], limits: GateLimits) -> dict[str, Any]:
    """The document with every candidate before the gates, the one decision, and the limits it was made with."""
    judged = judge(results, limits)
    return {**results, "gates": judged, "decision": decide(results, judged), "limits": limits.to_json()}


def primary_metric(metrics: Sequence[str], task_type: str) -> str:
    """The metric the verdict rests on: chosen before any answer was seen, so it needs no adjustment."""
    for name in metrics:
        if task_type in METRICS[name].primary:
            return name
    return next((name for name in metrics if METRICS[name].direction != "none"), metrics[0])


def real_systems(spec: EvaluationSpec) -> list[str]:
    """Keys of the systems that are compared: all but the baselines that flatter."""
    return [s.key for s in spec.systems if s.key == spec.baseline or s.kind not in FLOORS]


def _system(
    system: SystemSpec, spec: EvaluationSpec, known: Answers, metrics: Sequence[str], state: dict[str, Any]
) -> dict[str, Any]:
    answered = known.outputs[system.key]
    outputs = [answered[case.row] for case in known.cases]
    outcomes = [outcome_of(case, answered[case.row], known.labels) for case in known.cases]
    return {
        "name": system.name,
        "kind": system.kind,
        "flatters": system.flatters,
        "metrics": {name: figure(name, outputs, outcomes, known.seed, catalogue=known.catalogue) for name in metrics},
        "latency": latency_of(outputs, state["systems"].get(system.key, {})),
        "cost": per_thousand(outputs, system.price),
        "retrieval": retrieval_figures(known.cases, answered, known.seed),
        "failed": sum(bool(output.problem) for output in outputs),
        "cached": sum(output.cached for output in outputs),
        "truncated": sum(not output.ended for output in outputs),
        "probes": {
            f"{score['suite']}.{score['measure']}": {k: v for k, v in score.items() if k != "items"}
            for score in state["probes"].get(system.key, [])
        },
    }


def _forgotten(spec: EvaluationSpec, state: dict[str, Any], candidate: str) -> dict[str, Any]:
    old, new = (state["probes"].get(key, []) for key in (spec.baseline, candidate))
    return forgetting(old, new, spec.forgetting_limit, spec.seed)
