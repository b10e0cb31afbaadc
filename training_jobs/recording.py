"""What the runs of this room leave in the database besides their events: checkpoints, and what was exported."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from engine import process
from engine.errors import EngineError
from runs_app.models import Run
from runs_app.recording import Event, Recorder
from training_jobs.export_models import Export
from training_jobs.models import Checkpoint, TrainingJob


class TrainingRecorder(Recorder):
    def page_of(self, run: Run) -> str:
        return run.training_job.get_absolute_url()

    def on_events(self, run: Run, events: list[Event]) -> None:
        """A step's checkpoint is one row, also when a resumed run saves that step again."""
        saved = [event for event in events if event["kind"] == "checkpoint" and _is_inside(event.get("path"))]
        if not saved:
            return
        job = TrainingJob.objects.get(run=run)
        for event in saved:
            if event.get("best"):
                job.checkpoints.filter(is_best=True).exclude(step=event["step"]).update(is_best=False)
            facts = {
                "folder": event["path"],
                "sha256": str(event.get("sha256") or "")[:64],
                "scores": event.get("scores") or {},
                "is_best": bool(event.get("best")),
                "is_final": bool(event.get("final")),
            }
            Checkpoint.objects.update_or_create(job=job, step=int(event["step"]), defaults=facts)

    def on_success(self, run: Run) -> None:
        """A training that leaves nothing to evaluate has not succeeded, whatever its exit code."""
        job = TrainingJob.objects.get(run=run)
        if job.best_checkpoint is None:
            raise EngineError(
                "Internal",
                "The training ended without leaving a checkpoint on the disk.",
                "Read the end of the log, check the free space, and retry.",
            )


class ExportRecorder(Recorder):
    def argv(self, run: Run) -> list[str]:
        """``export`` is the engine's word for rows."""
        return process.engine_argv("export-model", str(run.directory))

    def page_of(self, run: Run) -> str:
        return run.export.get_absolute_url()

    def on_success(self, run: Run) -> None:
        try:
            result = json.loads((run.directory / "result.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EngineError("Internal", f"The result could not be read: {error}.", "Retry the export.") from error
        Export.objects.filter(run=run).update(result=result)


def _is_inside(path: object) -> bool:
    """Whether a path from the event log stays below the run's directory."""
    if not isinstance(path, str) or not path or len(path) > 200:
        return False
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts
