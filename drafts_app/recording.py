"""What becomes of a drafting run's candidates: they are taken in as they come, so that review need not wait."""

from __future__ import annotations

import json
from typing import Any

from drafts_app.models import DraftBatch, DraftRow, State
from engine.events import plain
from engine.teachers import KEY_VARIABLE
from models_app.sealing import Unreadable
from runs_app.models import Run
from runs_app.recording import Event, Recorder

COUNTS = ("usable", "flagged", "unusable", "requests", "tokens_in", "tokens_out", "cost")
MOST_AT_ONCE = 8 << 20


class DraftRecorder(Recorder):
    def environment(self, run: Run) -> dict[str, str]:
        """The endpoint's key. Without it the engine says that it could not be read."""
        endpoint = run.draft.endpoint
        try:
            key = endpoint.key() if endpoint is not None else ""
        except Unreadable:
            return {}
        return {KEY_VARIABLE: key} if key else {}

    def on_events(self, run: Run, events: list[Event]) -> None:
        told = [event for event in events if event["kind"] in ("progress", "done") and "usable" in event]
        if told:
            DraftBatch.objects.filter(run=run).update(result={name: told[-1].get(name) for name in COUNTS})
            take_in(run.draft)

    def on_end(self, run: Run) -> None:
        """Candidates written after the last word of a process that was killed count too."""
        take_in(run.draft)

    def page_of(self, run: Run) -> str:
        return run.draft.get_absolute_url()


def take_in(batch: DraftBatch) -> None:
    """Reads what candidates.jsonl has gained. Called inside the transaction that stores the events."""
    batch.refresh_from_db(fields=["offset"])
    try:
        with (batch.run.directory / "candidates.jsonl").open("rb") as file:
            while True:
                file.seek(batch.offset)
                block = file.read(MOST_AT_ONCE)
                whole = block[: block.rfind(b"\n") + 1]
                if not whole:
                    return
                DraftRow.objects.bulk_create([_as_row(batch, json.loads(line)) for line in whole.splitlines()])
                batch.offset += len(whole)
                DraftBatch.objects.filter(pk=batch.pk).update(offset=batch.offset)
    except FileNotFoundError:
        return


def _as_row(batch: DraftBatch, line: dict[str, Any]) -> DraftRow:
    line = plain(line)
    return DraftRow(
        batch=batch,
        number=line["n"],
        row=line["row"],
        raw=line["raw"],
        problem=line["problem"],
        flags=line["flags"],
        seeds=line["seeds"],
        state=State.UNUSABLE if line["row"] is None else State.WAITING,
    )
