"""The event log of a job: one flushed JSON line per event, each with its own sequence number.

The file is the only thing a job writes about itself; it knows neither database nor Redis. Readers keep a byte
offset and ask "what came after it?".
"""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any

Event = dict[str, Any]

KINDS = (
    "status",
    "progress",
    "metric",
    "probe",
    "checkpoint",
    "warning",
    "log",
    "error",
    "done",
)
# One read is bounded, so that a supervisor that comes back to a 100 MB log keeps its memory and its heartbeat.
READ_BYTES = 1 << 20


class EventWriter:
    """Appends events to ``path``. A writer that opens an existing log goes on after its last whole line.

    A half-written last line (the process was killed in the middle of a write) is cut off: no reader can have
    taken it for an event, since an event ends with a line feed.
    """

    def __init__(self, path: Path, *, echo: bool = False) -> None:
        """``echo`` also prints each event as one line a person can read: that is what the log of a run shows."""
        self.path = path
        self.echo = echo
        self.seq = _mend_tail(path)
        self._file = path.open("ab", buffering=0)

    def emit(self, kind: str, **fields: Any) -> Event:
        """Writes one event and returns it. NaN and infinities become null: they are not JSON."""
        if kind not in KINDS:
            raise ValueError(f"unknown event kind {kind!r}; known: {', '.join(KINDS)}")
        self.seq += 1
        event: Event = {
            "seq": self.seq,
            "t": round(time.time(), 3),
            "kind": kind,
            **{name: plain(value) for name, value in fields.items()},
        }
        line = json.dumps(event, ensure_ascii=False, allow_nan=False, default=str) + "\n"
        # One write call a line: a reader sees the whole line or none of it.
        self._file.write(line.encode("utf-8", "backslashreplace"))
        if self.echo:
            print(in_words(event), flush=True)
        return event

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Unheard(EventWriter):
    """For a process that does not speak for its run: what it emits is made and dropped."""

    def __init__(self) -> None:
        self.seq = 0

    def emit(self, kind: str, **fields: Any) -> Event:
        return {"kind": kind, **fields}

    def close(self) -> None:
        """There is nothing to close."""


def in_words(event: Event) -> str:
    """One line for the console log: the time of day, the kind, its text if it has one, else its plain values."""
    clock = time.strftime("%H:%M:%S", time.localtime(event["t"]))
    plain = {name: value for name, value in event.items() if name not in ("seq", "t", "kind", "text")}
    values = [
        f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in plain.items()
        if isinstance(value, int | float | str) and not isinstance(value, bool)
    ]
    return f"{clock} {event['kind']:<10} {event.get('text') or ' · '.join(values)}"


def read(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Returns the whole events after byte ``offset`` (at most about 1 MB of them) and the next offset.

    A line without its line feed is left for the next call. A line that is not an event is passed over.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            block = file.read(READ_BYTES)
            if block and b"\n" not in block:
                block += file.readline()
    except FileNotFoundError:
        return [], offset
    end = block.rfind(b"\n") + 1
    events = []
    for line in block[:end].splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("seq"), int) and event.get("kind") in KINDS:
            events.append(event)
    return events, offset + end


def _mend_tail(path: Path) -> int:
    """Cuts a half-written last line off and returns the last sequence number in the log (0 for a new one)."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        step = min(size, 1 << 16)
        while True:
            file.seek(size - step)
            tail = file.read(step)
            end = tail.rfind(b"\n") + 1
            start = tail.rfind(b"\n", 0, end - 1) + 1 if end else 0
            if (end and start) or step == size:
                break
            step = min(size, step * 4)
        file.truncate(size - step + end)
        if not end:
            return 0
        try:
            return int(json.loads(tail[start:end])["seq"])
        except (ValueError, KeyError, TypeError):
            events, _ = read(path, 0)
            return max((event["seq"] for event in events), default=0)


def plain(value: Any) -> Any:
    """The value as JSON and every database take it: no NaN, no infinities, and no NUL, which PostgreSQL refuses."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
