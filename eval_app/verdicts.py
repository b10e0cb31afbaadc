"""A verdict is made from an evaluation's figures and a project's gates, and kept with both."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth.models import User

from engine.evaluation.again import digest, rules_digest
from engine.evaluation.gates import decide, judge
from engine.evaluation.limits import GateLimits, read_limits
from engine.training.checkpoints import model_digest
from eval_app.models import Evaluation, System
from eval_app.verdict_models import Verdict


def first_verdict(evaluation: Evaluation) -> Verdict | None:
    """The one that a finished evaluation made itself, by the gates it was started with; once for the same figures."""
    results = evaluation.results or {}
    if "decision" not in results:
        return None
    return _keep(evaluation, read_limits(results.get("limits")), None)


def decide_again(evaluation: Evaluation, limits: GateLimits, user: User) -> tuple[Verdict, bool]:
    """The verdict by these gates, and whether it is new: the same figures and gates give the one that is there."""
    before = evaluation.decided.count()
    kept = _keep(evaluation, limits, user)
    return kept, evaluation.decided.count() > before


def _keep(evaluation: Evaluation, limits: GateLimits, user: User | None) -> Verdict:
    results = evaluation.results
    made_from, snapshot = made_of(evaluation), limits.to_json()
    for known in evaluation.decided.all():
        if known.made_from == made_from and known.limits == snapshot:
            return known
    judged = judge(results, limits)
    decision = decide(results, judged)
    return Verdict.objects.create(
        evaluation=evaluation,
        word=decision["word"],
        decided_by=decision["decided_by"] or "",
        candidate=decision["candidate"] or "",
        sentence=decision["sentence"],
        gates=judged,
        limits=snapshot,
        made_from=made_from,
        made_by=user,
    )


def made_of(evaluation: Evaluation) -> dict[str, Any]:
    """Everything a verdict rests on, by digest and identity."""
    ids = evaluation.rows.order_by("position").values_list("row_id", flat=True)
    version_used = evaluation.split.version if evaluation.split else evaluation.version
    return {
        "results_sha256": digest(evaluation.results),
        "rows": {"n": len(ids), "ids_sha256": hashlib.sha256("\n".join(ids).encode()).hexdigest()},
        "data": {
            "version": str(version_used) if version_used else None,
            "sha256": version_used.sha256 if version_used else None,
            "part": evaluation.part,
        },
        "systems": [_identity(system) for system in evaluation.systems.select_related("base_model", "checkpoint")],
        "engine": rules_digest(),
    }


def _identity(system: System) -> dict[str, Any]:
    checkpoint, model = system.checkpoint, system.base_model
    return {
        "key": system.key,
        "name": system.name,
        "kind": system.kind,
        "options": system.options,
        "model": model.name if model else None,
        "model_sha256": model_digest(model.path) if model and model.is_there else None,
        "checkpoint": str(checkpoint) if checkpoint else None,
        "checkpoint_sha256": (checkpoint.sha256 or None) if checkpoint else None,
        "endpoint": system.endpoint_id,
    }
