"""The frame every supervised job runs in: read the spec, run the body, turn what breaks into an ``error`` event."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.errors import EngineError, Reason
from engine.events import EventWriter

SUCCEEDED, FAILED, STOPPED, BUSY = 0, 1, 3, 4
_NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc", "unable to allocate")
FREE_SPACE = "Free some space, then retry from the last checkpoint."
Body = Callable[[dict[str, Any], EventWriter, Control, Path], int]


def run_job(run_dir: Path, body: Body) -> int:
    """Runs ``body(spec, events, control, run_dir)`` and returns the exit code of the process.

    0 succeeded, 3 stopped as asked, 4 another process has this run, 1 failed after an ``error`` event that carries
    reason, text and remedy. The traceback goes to ``traceback.txt`` in the run directory and to the console log,
    never into the event.
    """
    with (run_dir / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return BUSY  # another process has this run: two writers in one directory would spoil it
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return _run_alone(run_dir, body)


def holder(run_dir: Path) -> int:
    """The pid of the process that last held the run directory, 0 when there was none."""
    try:
        return int((run_dir / "lock").read_text() or 0)
    except (FileNotFoundError, ValueError):
        return 0


def _run_alone(run_dir: Path, body: Body) -> int:
    code = _guarded(run_dir, body)
    # A supervisor that re-attached is not our parent: the file tells it what the kernel tells only a parent.
    with contextlib.suppress(OSError):
        (run_dir / "exit_code").write_text(str(code))
    return code


def _guarded(run_dir: Path, body: Body) -> int:
    with EventWriter(run_dir / "events.jsonl", echo=True) as events:
        try:
            spec = _read_spec(run_dir)
            return body(spec, events, Control(run_dir), run_dir)
        except EngineError as error:
            _report(events, run_dir, error.reason, error.text, error.remedy)
        except MemoryError:
            _report(
                events,
                run_dir,
                "OutOfMemory",
                "The process ran out of memory.",
                "Use a smaller batch or cutoff length.",
            )
        except OSError as error:
            if error.errno != errno.ENOSPC:
                _report_internal(events, run_dir, error)
            else:
                _report(
                    events,
                    run_dir,
                    "Disk",
                    f"The disk is full: {error.filename or run_dir} could not be written.",
                    FREE_SPACE,
                )
        except Exception as error:  # noqa: BLE001 - the frame's whole purpose: every failure leaves a word to act on
            _report_internal(events, run_dir, error)
    return FAILED


def _read_spec(run_dir: Path) -> dict[str, Any]:
    path = run_dir / "spec.json"
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EngineError("Config", f"There is no {path}.", "Launch the job again from its form.") from None
    except ValueError as error:
        raise EngineError("Config", f"{path} is not JSON: {error}.", "Launch the job again from its form.") from None
    if not isinstance(spec, dict):
        raise EngineError("Config", f"{path} is not a JSON object.", "Launch the job again from its form.")
    return spec


def _report(events: EventWriter, run_dir: Path, reason: Reason, text: str, remedy: str) -> None:
    trace = run_dir / "traceback.txt"
    try:
        trace.write_text(traceback.format_exc())
    except OSError:
        trace = run_dir / "console.log"  # the disk is full: the console log has it too
    traceback.print_exc(file=sys.stderr)
    events.emit("error", reason=reason, text=text, remedy=remedy, traceback_path=trace.name)


def _report_internal(events: EventWriter, run_dir: Path, error: Exception) -> None:
    text = f"{type(error).__name__}: {error}"
    if _disk_is_full(run_dir, text):
        _report(events, run_dir, "Disk", text[:500], FREE_SPACE)
    elif is_out_of_memory(error):
        _report(events, run_dir, "OutOfMemory", text[:500], "Use a smaller batch, a shorter cutoff or QLoRA.")
    else:
        _report(
            events,
            run_dir,
            "Internal",
            text[:500],
            "Read the log of this run; retry, and report it if it comes back.",
        )


def _disk_is_full(run_dir: Path, text: str) -> bool:
    """torch's writer says a full disk in its own words ("inline_container"), so the disk itself is asked too."""
    if "No space left" in text:
        return True
    return "inline_container" in text and shutil.disk_usage(run_dir).free < 64 << 20


def is_out_of_memory(error: BaseException) -> bool:
    """True for torch's and the allocator's ways to say that memory ran out (told by name: no torch here)."""
    text = str(error).lower()
    return type(error).__name__ == "OutOfMemoryError" or any(words in text for words in _NO_MEMORY)
