"""What becomes of the runs of this room once they have ended well."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction
from django.urls import reverse

from datasets_app import baskets, current, launching, marks, receiving
from datasets_app.models import Audit, DatasetVersion, Repair, Split, Upload, stored_path
from datasets_app.opening import Rows
from engine.errors import EngineError
from runs_app.models import Run, Status
from runs_app.recording import Recorder

# The page reads rows from the index on disk; the row in the database keeps this many lines and groups a finding.
MOST_LINES = 20


class UnpackRecorder(Recorder):
    def on_success(self, run: Run) -> None:
        upload = Upload.objects.filter(run=run, version=None).first()
        if upload is None:  # it was made before, or thrown away
            return
        result = _read(run.directory / "result.json")
        rows = Rows.made(result, upload.filename) if result["path"] else None
        receiving.become_version(upload, result["source_sha256"], rows)
        transaction.on_commit(partial(upload.path.unlink, missing_ok=True))

    def on_end(self, run: Run) -> None:
        shutil.rmtree(run.directory / "unpacked", ignore_errors=True)

    def page_of(self, run: Run) -> str:
        upload = Upload.objects.filter(run=run).first()
        version = upload.version if upload else None
        return version.get_absolute_url() if version else reverse("data", args=[run.project_id])


class AuditRecorder(Recorder):
    def on_success(self, run: Run) -> None:
        document = _read(run.audit.folder / "document.json")
        Audit.objects.filter(run=run).update(document=in_short(document))
        # Held-out rows nobody has looked at are audited after what somebody is waiting for.
        against = run.audit.against
        if against is not None and against.audit is None:
            launching.start_audit(against, run.created_by)

    def on_end(self, run: Run) -> None:
        """A refused file fails its run, and its page still says what was found in it."""
        path = run.audit.folder / "document.json"
        if run.status == Status.FAILED and path.is_file():
            document = _read(path)
            if "refused" in document:
                Audit.objects.filter(run=run).update(document=document)

    def page_of(self, run: Run) -> str:
        return run.audit.version.get_absolute_url()


class RepairRecorder(Recorder):
    def on_success(self, run: Run) -> None:
        repair: Repair = run.repair
        if repair.child is not None:
            return
        result = _read(run.directory / "result.json")
        if not result.get("rows_out"):
            raise EngineError("Data", "No row is left after this repair.", "Mend the file itself and upload it again.")
        _move_in(run.directory / "repaired.jsonl", stored_path(result["sha256"]))
        repair.child = _child_of(repair, result)
        repair.save(update_fields=["child"])
        baskets.applied(repair)
        marks.carry(repair.version.dataset, run.directory / "changes.jsonl")
        current.follow(repair.child, run.created_by)
        audit = launching.audit_of(repair.version)
        launching.start_audit(repair.child, run.created_by, choices=launching.Choices.of(audit))

    def page_of(self, run: Run) -> str:
        repair: Repair = run.repair
        return repair.child.get_absolute_url() if repair.child else repair.get_absolute_url()


class SplitRecorder(Recorder):
    def on_success(self, run: Run) -> None:
        result = _read(run.directory / "split" / "result.json")
        parts: dict[str, dict[str, Any]] = result["parts"]
        counts = {name: part["rows"] for name, part in parts.items()}
        Split.objects.filter(run=run).update(result={**result, "counts": counts})

    def page_of(self, run: Run) -> str:
        return reverse("split", args=[run.project_id, run.split.pk])


def in_short(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the lines and groups of each finding cut to what a page shows at once."""
    cut = [
        {name: value[:MOST_LINES] if name in ("lines", "groups") else value for name, value in finding.items()}
        for finding in document.get("findings", [])
    ]
    return {**document, "findings": cut}


def _child_of(repair: Repair, result: dict[str, Any]) -> DatasetVersion:
    parent = repair.version
    stem = Path(parent.filename).stem
    child = parent.dataset.add_version(
        parent=parent,
        filename=parent.filename,
        sha256=result["sha256"],
        size=result["bytes"],
        created_by=repair.run.created_by,
        operation={
            "op": "repair",
            "operations": repair.operations,
            "rows_in": result["rows_in"],
            "rows_out": result["rows_out"],
            "dropped": result.get("dropped", {}),
            "changed": result.get("changed", {}),
            "added": result.get("added", {}),
            "notes": result.get("notes", []),
        },
    )
    child.filename = f"{stem[:230]}-v{child.number}.jsonl"
    child.save(update_fields=["filename"])
    return child


def _move_in(made: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():  # the same rows were made before, or an earlier attempt got this far
        made.unlink(missing_ok=True)
    else:
        made.replace(target)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError("Internal", f"{path.name} could not be read: {error}.", "Retry the run.") from error
    if not isinstance(found, dict):
        raise EngineError("Internal", f"The result {path.name} is not a JSON object.", "Retry the run.")
    return found
