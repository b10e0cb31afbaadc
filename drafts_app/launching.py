"""Starting a drafting run, and putting accepted drafts into a new version."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from datasets_app import launching
from datasets_app.models import DatasetVersion, Repair
from drafts_app.models import DraftBatch, DraftRow
from engine.drafting.parsing import SYNTHETIC
from models_app.models import BaseModel, Endpoint
from runs_app import dispatching
from runs_app.models import Run

# A model of this machine writes slowly; an answer of an endpoint may hold several rows.
MODEL_TOKENS, ENDPOINT_TOKENS = 512, 2048


def start_draft(
    version: DatasetVersion, teacher: Endpoint | BaseModel, mode: str, asked: dict[str, Any], user: User
) -> DraftBatch:
    """Queues a drafting. ``asked``: count, per_request, instruction, seeds, redact, seed, temperature. A model of this
    machine needs the device to itself, an endpoint does not. Raises NotReady."""
    audit = launching.audit_of(version)
    endpoint = teacher if isinstance(teacher, Endpoint) else None
    model = teacher if isinstance(teacher, BaseModel) else None
    with transaction.atomic():
        run = Run.objects.create(
            project_id=version.dataset.project_id,
            kind="draft",
            title=str(version),
            exclusive=settings.RUN_KINDS["draft"]["exclusive"] or model is not None,
            created_by=user,
        )
        batch = DraftBatch.objects.create(
            version=version,
            run=run,
            mode=mode,
            teacher=describe(teacher),
            endpoint=endpoint,
            base_model=model,
            asked=asked,
            created_by=user,
        )
        spec = {
            "kind": "draft",
            "file": str(version.path),
            "audit": str(audit.folder),
            "teacher": for_engine(teacher, asked.get("temperature")),
            "mode": mode,
            "price_in": _price(endpoint.price_in if endpoint else None),
            "price_out": _price(endpoint.price_out if endpoint else None),
            **{name: asked[name] for name in ("count", "per_request", "instruction", "seeds", "redact", "seed")},
        }
        dispatching.enqueue(run, spec)
    return batch


def describe(teacher: Endpoint | BaseModel) -> dict[str, str]:
    """What lineage says of a teacher for ever."""
    if isinstance(teacher, Endpoint):
        return {"kind": "endpoint", "name": teacher.name, "model": teacher.model, "host": teacher.host}
    return {"kind": "model", "name": teacher.name, "model": teacher.name, "host": ""}


def for_engine(teacher: Endpoint | BaseModel, temperature: float | None) -> dict[str, Any]:
    """The teacher as the run's spec has it; without any key."""
    if isinstance(teacher, Endpoint):
        return {**teacher.for_engine(), "max_tokens": ENDPOINT_TOKENS, "temperature": temperature}
    return {"kind": "model", **teacher.for_engine(), "max_tokens": MODEL_TOKENS}


def add_accepted(batch: DraftBatch, version: DatasetVersion, user: User) -> Repair:
    """Queues the repair that adds the accepted rows to ``version`` as a new one. Raises NotReady."""
    with transaction.atomic():
        DraftBatch.objects.select_for_update().get(pk=batch.pk)
        rows = list(batch.to_add())
        if not rows:
            raise launching.NotReady("There is no accepted row that is not in a version already.")
        content = b"".join(orjson.dumps(row.now) + b"\n" for row in rows)
        key = f"drafts-{batch.pk}-{hashlib.sha256(content).hexdigest()[:16]}"
        path = batch.run.directory / f"{key}.jsonl"
        path.write_bytes(content)
        operations = [{"op": "add", "file": key, "origin": SYNTHETIC}]
        repair = launching.start_repair(version, operations, user, files={key: str(path)})
        DraftRow.objects.filter(pk__in=[row.pk for row in rows]).update(repair=repair)
    return repair


def _price(value: Any) -> float | None:
    return None if value is None else float(value)
