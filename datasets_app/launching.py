"""Starting the work on a version: each verb makes a run and the row it is for in one transaction, then rings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from datasets_app.models import Audit, DatasetVersion, Repair, Split
from models_app.models import BaseModel
from runs_app import dispatching
from runs_app.models import Run, Status

CUTOFF_LEN = 2048
GONE = (Status.FAILED, Status.CANCELLED)


class NotReady(Exception):
    """The version cannot be worked on yet; the text says why."""


def start_audit(version: DatasetVersion, user: User, against: DatasetVersion | None = None) -> Audit:
    """Queues an audit; token lengths are counted with the first base model that is there."""
    model = first_model()
    with transaction.atomic():
        run = _new_run("audit", version, user)
        audit = Audit.objects.create(version=version, run=run, base_model=model, against=against)
        spec: dict[str, Any] = {
            "kind": "audit",
            "file": str(version.path),
            "filename": version.filename,
            "model": str(model.path) if model else None,
            "cutoff_len": CUTOFF_LEN,
            "out": str(audit.folder),
        }
        if against is not None:
            spec["test"] = str(against.path)
        dispatching.enqueue(run, spec)
    return audit


def start_repair(version: DatasetVersion, operations: list[dict[str, Any]], user: User) -> Repair:
    """Queues a repair. The same repair asked for twice is the one that is there already, unless it failed."""
    audit = audit_of(version)
    with transaction.atomic():
        DatasetVersion.objects.select_for_update().get(pk=version.pk)
        for known in version.repairs.exclude(run__status__in=GONE):
            if known.operations == operations:
                return known
        run = _new_run("repair", version, user)
        repair = Repair.objects.create(version=version, run=run, operations=operations)
        spec = {
            "kind": "repair",
            "file": str(version.path),
            "filename": version.filename,
            "audit": str(audit.folder),
            "operations": operations,
            "out": str(run.directory / "repaired.jsonl"),
        }
        dispatching.enqueue(run, spec)
    return repair


def start_split(
    version: DatasetVersion,
    fractions: dict[str, float],
    seed: int,
    user: User,
    options: dict[str, Any] | None = None,
    test: DatasetVersion | None = None,
) -> Split:
    """Queues a split. Same version, shares, seed and ``options`` (see Split) give the same rows, so it is made once."""
    audit = audit_of(version)
    kept = dict(options or {}) | ({"test": test.pk} if test else {})
    with transaction.atomic():
        DatasetVersion.objects.select_for_update().get(pk=version.pk)
        for known in version.splits.filter(seed=seed).exclude(run__status__in=GONE):
            if known.fractions == fractions and known.options == kept:
                return known
        run = _new_run("split", version, user)
        split = Split.objects.create(
            version=version, run=run, seed=seed, fractions=fractions, options=kept, created_by=user
        )
        spec = {
            "kind": "split",
            "file": str(version.path),
            "filename": version.filename,
            "audit": str(audit.folder),
            "fractions": fractions,
            "seed": seed,
            "options": options or {},
            "files": {"test": str(test.path)} if test else {},
            "out": str(run.directory / "split"),
        }
        dispatching.enqueue(run, spec)
    return split


def audit_of(version: DatasetVersion) -> Audit:
    """The newest audit that has a result. Raises NotReady."""
    audit = version.audits.filter(document__isnull=False).order_by("-id").first()
    if audit is None:
        raise NotReady("This version has no finished audit yet. Wait for it, or start it again on the audit page.")
    if audit.refused:
        raise NotReady("The file could not be read as rows, so there is nothing to repair or split.")
    return audit


def first_model() -> BaseModel | None:
    return next((model for model in BaseModel.objects.all() if model.is_there), None)


def _new_run(kind: str, version: DatasetVersion, user: User) -> Run:
    return Run.objects.create(
        project_id=version.dataset.project_id,
        kind=kind,
        title=str(version),
        exclusive=settings.RUN_KINDS[kind]["exclusive"],
        created_by=user,
    )
