"""A packed file opened as a supervised run: what takes longer than an answer to a browser may."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.data.containers.sink import MOST_BYTES, Watch
from engine.data.errors import DataError, FileRefused
from engine.data.unpack import unpack
from engine.events import EventWriter
from engine.job import STOPPED, SUCCEEDED

LOOK_EVERY_S = 0.5


class _Stopped(Exception):
    pass


def unpack_body(spec: dict[str, Any], events: EventWriter, control: Control, run_dir: Path) -> int:
    """The body of ``python -m engine unpack RUN_DIR``: spec.json of kind unpack → unpacked/ and result.json.

    result.json says what was made (see Unpacked.as_json) or, of a file that is not what it says it is, ``refused``;
    ``source_sha256`` is the digest of the packed file. Raises DataError where there is no room for the rows.
    """
    source, folder = Path(spec["file"]), run_dir / "unpacked"
    if not source.is_file():
        raise DataError("The uploaded file is no longer there.", "Upload it again.")
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was killed
    folder.mkdir()
    events.emit("status", state="running", text="Opening the file.")
    try:
        result = _opened(source, folder, spec, _watch(events, control))
    except _Stopped:
        shutil.rmtree(folder)
        events.emit("done", stopped=True)
        return STOPPED
    except FileRefused as refused:
        shutil.rmtree(folder)
        if refused.kind == "too_large":
            raise
        result = {"path": None, "refused": refused.as_json()}
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # a full disk is not left full
        raise
    with source.open("rb") as file:
        result["source_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    (run_dir / "result.json").write_text(json.dumps(result, indent=2))
    events.emit("done", **{name: result[name] for name in ("rows", "bytes", "refused") if name in result})
    return SUCCEEDED


def _opened(source: Path, folder: Path, spec: dict[str, Any], watch: Watch) -> dict[str, Any]:
    made = unpack(source, folder, str(spec.get("filename") or ""), int(spec.get("most_bytes") or MOST_BYTES), watch)
    return {"path": None} if made is None else made.as_json()


def _watch(events: EventWriter, control: Control) -> Watch:
    """Emits progress about twice a second; raises _Stopped when the job should end."""
    began = last = time.monotonic()
    before = 0

    def watch(read: int, total: int, rows: int) -> None:
        nonlocal began, last, before
        now = time.monotonic()
        if read < before:  # the table inside an archive begins
            began = now
        before = read
        if now - last < LOOK_EVERY_S:
            return
        last = now
        if control.wanted() or control.orphaned():
            raise _Stopped
        spent = max(now - began, 1e-3)
        eta = spent * (total - read) / read if read else 0.0
        speed = {"rows": rows, "rows_per_s": round(rows / spent)} if rows else {}
        events.emit("progress", step=read, total=total, unit="bytes", eta_s=round(eta, 1), **speed)

    return watch
