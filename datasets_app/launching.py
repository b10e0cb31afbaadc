"""Starting the work on a version: each verb makes a run and the row it is for in one transaction, then rings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from datasets_app import mixing
from datasets_app.models import CUTOFF_LEN, Audit, DatasetVersion, Repair, Split, Upload
from models_app.models import BaseModel
from runs_app import dispatching
from runs_app.models import Run, Status

GONE = (Status.FAILED, Status.CANCELLED)


class NotReady(Exception):
    """The version cannot be worked on yet; the text says why."""


@dataclass(frozen=True)
class Choices:
    """What an audit is asked for beside the file. ``model`` counts the tokens, None counts characters alone."""

    model: BaseModel | None
    cutoff_len: int = CUTOFF_LEN
    against: DatasetVersion | None = None
    production: DatasetVersion | None = None

    @classmethod
    def of(cls, audit: Audit) -> Choices:
        """The same again, with another model where that one is gone."""
        model = audit.base_model if audit.base_model is not None and audit.base_model.is_there else first_model()
        return cls(model, audit.cutoff_len, audit.against, audit.production)


def start_unpack(upload: Upload, most_bytes: int) -> None:
    """Queues the opening of a packed file of at most ``most_bytes`` unpacked."""
    with transaction.atomic():
        upload.run = Run.objects.create(
            project=upload.project,
            kind="unpack",
            title=upload.filename[:200],
            exclusive=settings.RUN_KINDS["unpack"]["exclusive"],
            created_by=upload.created_by,
        )
        upload.save(update_fields=["run"])
        spec = {
            "kind": "unpack",
            "file": str(upload.path),
            "filename": upload.filename,
            "most_bytes": most_bytes,
        }
        dispatching.enqueue(upload.run, spec)


def start_audit(
    version: DatasetVersion, user: User, against: DatasetVersion | None = None, choices: Choices | None = None
) -> Audit:
    """Queues an audit; without ``choices`` tokens are counted with the first base model that is there."""
    asked = choices or Choices(first_model(), against=against)
    model = asked.model
    with transaction.atomic():
        run = _new_run("audit", version, user)
        audit = Audit.objects.create(
            version=version,
            run=run,
            base_model=model,
            against=asked.against,
            production=asked.production,
            cutoff_len=asked.cutoff_len,
        )
        spec: dict[str, Any] = {
            "kind": "audit",
            "file": str(version.path),
            "filename": version.filename,
            "model": str(model.path) if model else None,
            "cutoff_len": asked.cutoff_len,
            "out": str(audit.folder),
        }
        if asked.against is not None:
            spec["test"] = str(asked.against.path)
        if asked.production is not None:
            spec["production"] = str(asked.production.path)
        dispatching.enqueue(run, spec)
    return audit


def start_repair(
    version: DatasetVersion, operations: list[dict[str, Any]], user: User, files: dict[str, str] | None = None
) -> Repair:
    """Queues a repair. The same repair asked for twice is the one that is there already, unless it failed. ``files``
    are further inputs that the operations name by key; a key says what is in its file, so that equal is equal."""
    audit = audit_of(version)
    with transaction.atomic():
        DatasetVersion.objects.select_for_update().get(pk=version.pk)
        spec = repair_spec(version, audit, operations)
        spec["files"] |= files or {}
        for known in version.repairs.exclude(run__status__in=GONE):
            if known.operations == operations and _same_files(known.run, spec["files"]):
                return known
        run = _new_run("repair", version, user)
        repair = Repair.objects.create(version=version, run=run, operations=operations)
        dispatching.enqueue(run, {**spec, "out": str(run.directory / "repaired.jsonl")})
    return repair


def _same_files(run: Run, files: dict[str, str]) -> bool:
    """Whether a repair was given these files: another base model shortens rows elsewhere."""
    try:
        given = json.loads((run.directory / "spec.json").read_bytes()).get("files", {})
    except (OSError, ValueError):
        return False
    return bool(given == files)


def repair_spec(version: DatasetVersion, audit: Audit, operations: list[dict[str, Any]]) -> dict[str, Any]:
    """What the engine needs to repair a version, or to preview it. Files are found here, by what we keep: an operation
    names them by a key."""
    models = models_for(version, audit)
    named = {str(one.get("model")) for one in operations}
    chosen = {model_key(model): str(model.path) for model in models if model_key(model) in named}
    return {
        "kind": "repair",
        "file": str(version.path),
        "filename": version.filename,
        "audit": str(audit.folder),
        "operations": operations,
        "files": mixing.other_files(version, operations) | chosen | ({"model": str(models[0].path)} if models else {}),
    }


def model_key(model: BaseModel) -> str:
    """By what name an operation means this model."""
    return f"model-{model.pk}"


def models_for(version: DatasetVersion, audit: Audit) -> list[BaseModel]:
    """The models whose tokenizer can count this version's rows, that of its audit first."""
    there = [model for model in BaseModel.objects.usable_in(version.dataset.project) if model.is_there]
    return sorted(there, key=lambda model: model.pk != audit.base_model_id)


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
    """The smallest that everybody may use."""
    return next((model for model in BaseModel.objects.filter(project=None) if model.is_there), None)


def _new_run(kind: str, version: DatasetVersion, user: User) -> Run:
    return Run.objects.create(
        project_id=version.dataset.project_id,
        kind=kind,
        title=str(version),
        exclusive=settings.RUN_KINDS[kind]["exclusive"],
        created_by=user,
    )
