"""The export job: write the form, ask rows again through what was written, say what differs, write the model card."""

from __future__ import annotations

import gc
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.errors import EngineError
from engine.events import EventWriter
from engine.export.forms import load
from engine.export.spec import ExportSpec, read_spec
from engine.export.work import Stopped, Work
from engine.interop import model_card
from engine.job import STOPPED, SUCCEEDED

FOLDER, CARD, REPLAY = "export", "README.md", "replay.jsonl"
_STEPS = 6


def export(document: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    """The body of ``python -m engine export-model RUN_DIR``: ``export/`` with the files, ``result.json`` with what they
    are, ``replay.jsonl`` with the rows. Exit code 0 done, 3 stopped; what was begun is begun again by a retry."""
    spec = read_spec(document)
    for name, path in (("checkpoint", spec.checkpoint), ("base model", spec.base)):
        if not path.is_dir():
            raise EngineError("Model", f"The {name} {path.name} is not on the disk any more.", "Choose another.")
    partial, scratch = run_dir / f"{FOLDER}.part", run_dir / "replay.part"
    for leaving in (partial, scratch):
        shutil.rmtree(leaving, ignore_errors=True)
    partial.mkdir()
    rows = _rows(spec)
    work = Work(spec, partial, events, control, _STEPS + 2 * len(rows))
    events.emit("status", state="running", text="Loading libraries and model")
    try:
        load(spec.form).write(work)
        gc.collect()
        work.copy_licence()
        found = _replay(work, rows, scratch, run_dir)
        work.tell("Writing the model card")
        result = _finish(spec, partial, found)
    except Stopped:
        events.emit("status", state="stopped", text="Stopped; a retry begins the export again.")
        return STOPPED
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    shutil.rmtree(run_dir / FOLDER, ignore_errors=True)
    partial.replace(run_dir / FOLDER)
    (run_dir / "result.json").write_text(json.dumps(result, indent=1))
    events.emit("progress", step=work.total, total=work.total, doing="Done")
    events.emit("done", **{name: value for name, value in result.items() if name != "files"})
    return SUCCEEDED


def _rows(spec: ExportSpec) -> list[Any]:
    if spec.rows is None or not spec.limit:
        return []
    from engine.export import replay

    return replay.read_rows(spec.rows, spec.system_prompt, spec.limit, spec.seed)


def _replay(work: Work, rows: list[Any], scratch: Path, run_dir: Path) -> dict[str, Any] | None:
    """Both sides in turn, one model in memory at a time. None when no row is replayed."""
    if not rows:
        return None
    from engine.export import replay
    from engine.export.merging import load_tokenizer, load_tuned

    spec = work.spec
    work.tell("Loading the checkpoint")
    model, tokenizer = load_tuned(spec.base, spec.checkpoint), load_tokenizer(spec.base)
    own, exported = replay.Side(scratch / "own"), replay.Side(scratch / "exported")
    asking = replay.Asking(rows, replay.forced_tokens(rows, tokenizer), replay.room_for(rows, tokenizer), work)
    asking.ask(model, tokenizer, own, "the checkpoint")
    del model
    gc.collect()
    work.tell("Loading the exported files")
    model, tokenizer = load(spec.form).reopen(work.out, spec.base)
    asking.ask(model, tokenizer, exported, "the exported files")
    del model
    gc.collect()
    found = replay.compare(rows, own, exported)
    replay.write_rows(run_dir / REPLAY, found)
    return replay.summary(found)


def _finish(spec: ExportSpec, folder: Path, replayed: dict[str, Any] | None) -> dict[str, Any]:
    """Writes the card and what a base model's page reads, and returns the result."""
    facts = {**spec.card, "form": spec.form, "precision": spec.precision, "replay": replayed}
    (folder / CARD).write_text(model_card.write(facts), encoding="utf-8")
    if spec.form == "merged":
        about = json.dumps(model_card.about_base(facts), indent=1, ensure_ascii=False)
        (folder / "workbench.json").write_text(about, encoding="utf-8")
    files = [
        {"name": path.name, "bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.iterdir())
        if path.is_file()
    ]
    return {
        "schema_version": 1,
        "form": spec.form,
        "precision": spec.precision,
        "files": files,
        "bytes": sum(int(str(file["bytes"])) for file in files),
        "replay": replayed,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
