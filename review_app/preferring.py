"""Decisions become a data set of preferences, whose history says which evaluation rows it teaches."""

from __future__ import annotations

from typing import Any

import orjson
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from datasets_app import launching
from datasets_app.models import DatasetVersion, Repair, stored_path
from datasets_app.receiving import add_dataset, store_bytes
from engine.evaluation.preferring import ORIGIN, By, Pairs, pairs
from eval_app.models import Evaluation, EvaluationRow
from review_app import reading
from review_app.models import PreferenceSet, Review

# Identities are asked for in parts: a database takes so many values at once.
PART = 500


class NoPairs(Exception):
    """The decisions give no preference row; the text says why."""


def pairs_of(review: Review, by: By) -> Pairs:
    return pairs(reading.decisions_of(review), reading.shown(review), by)


def make(review: Review, by: By, user: User, target: DatasetVersion | None = None) -> PreferenceSet:
    """A new data set with its audit started, or the repair that adds the rows to ``target`` as accepted drafts are
    added. The same rows again are the set that is there. Raises NoPairs, NotReady."""
    found = pairs_of(review, by)
    if not found.rows:
        raise NoPairs("No decision prefers one answer to another, so there is no preference row to make.")
    content = b"".join(orjson.dumps(row) + b"\n" for _, row in found.rows)
    with transaction.atomic():
        Review.objects.select_for_update().get(pk=review.pk)
        ids = dict(review.items.values_list("position", "row_id"))
        taught = [ids[row] for row in found.sources]
        made: dict[str, Any] = (
            {"repair": _add_to(target, review, content, user)}
            if target is not None
            else {"version": _new(review, content, _operation(review, by, found, taught), user)}
        )
        counts = {name: getattr(found, name) for name in ("disagreed", "undecided", "empty")}
        kept, _ = PreferenceSet.objects.get_or_create(
            review=review,
            **made,
            defaults={"by": by, "row_ids": taught, "counts": counts | {"rows": len(found.rows)}, "created_by": user},
        )
    return kept


def _new(review: Review, content: bytes, operation: dict[str, Any], user: User) -> DatasetVersion:
    sha256, size = store_bytes(content)
    known = review.preference_sets.filter(version__sha256=sha256).select_related("version__dataset").first()
    if known is not None and known.version is not None:
        return known.version
    name = f"preferences of {review.evaluation.name[:60]}, review {review.pk}.jsonl"
    version = add_dataset(review.project, user, filename=name, sha256=sha256, size=size, operation=operation)
    launching.start_audit(version, user)
    return version


def _add_to(target: DatasetVersion, review: Review, content: bytes, user: User) -> Repair:
    sha256, _ = store_bytes(content)
    key = f"review-{review.pk}-{sha256[:16]}"
    operations = [{"op": "add", "file": key, "origin": ORIGIN}]
    return launching.start_repair(target, operations, user, files={key: str(stored_path(sha256))})


def targets(review: Review) -> list[DatasetVersion]:
    """Versions of the project that hold preferences already, the newest first."""
    known = DatasetVersion.objects.filter(dataset__project=review.project, audits__document__format="preference")
    return list(known.select_related("dataset").distinct().order_by("-id")[:50])


def _operation(review: Review, by: By, found: Pairs, taught: list[str]) -> dict[str, Any]:
    evaluation = review.evaluation
    rows_of = evaluation.split.version if evaluation.split else evaluation.version
    return {
        "op": "preferences",
        "origin": ORIGIN,
        "added": {ORIGIN: len(found.rows)},
        "of": evaluation.name,
        "evaluation": evaluation.pk,
        "review": review.pk,
        "by": by,
        "systems": [{"key": one.key, "name": one.name} for one in evaluation.systems.filter(key__in=review.systems)],
        "reviewers": sorted({each.reviewer for each in reading.decisions_of(review)}),
        "held_out": {"rows_of": str(rows_of), "part": evaluation.part, "row_ids": taught},
    }


def taught_by(version: DatasetVersion) -> list[PreferenceSet]:
    """The preference sets that a version holds: its own, or those of the versions it was made from."""
    known: list[int] = []
    at: DatasetVersion | None = version
    while at is not None and at.pk not in known:
        known.append(at.pk)
        at = at.parent
    held = PreferenceSet.objects.filter(Q(version__in=known) | Q(repair__child__in=known))
    return list(held.select_related("review__evaluation", "version", "repair__child"))


def systems_taught(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Systems of an evaluation whose training held preferences made from these very rows: {system, rows, set}."""
    found = []
    asked = evaluation.systems.filter(checkpoint__isnull=False)
    for system in asked.select_related("checkpoint__job__split__version__parent"):
        assert system.checkpoint is not None
        for one in taught_by(system.checkpoint.job.split.version):
            if rows := _shared(evaluation, one.row_ids):
                found.append({"system": system, "rows": rows, "preferences": one})
    return found


def _shared(evaluation: Evaluation, ids: list[str]) -> int:
    rows = EvaluationRow.objects.filter(evaluation=evaluation)
    return sum(rows.filter(row_id__in=ids[at : at + PART]).count() for at in range(0, len(ids), PART))
