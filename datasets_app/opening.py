"""Packed files (gzip, CSV, Parquet) on their way in: another process opens them, because what they hold is hostile."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from engine.data.containers import CONTAINERS
from engine.data.errors import FileRefused
from engine.data.sniff import sniff

# What is opened while the browser waits; anything above is a run of its own. A table of 200 MB takes about 3 seconds
# of one core, and a gzip archive of 8 MB may hold one.
AT_ONCE_BYTES, AT_ONCE_UNPACKED, AT_ONCE_SECONDS = 8 << 20, 64 << 20, 20


class TakesLong(Exception):
    """The file is too large to be opened while somebody waits."""


class NotOpened(Exception):
    """The file may well be sound, but could not be opened here and now."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.found = found
        self.remedy = remedy


@dataclass(frozen=True)
class Rows:
    """What a packed file held: ``operation`` is kept with the version, so that it says where its rows came from."""

    path: Path
    filename: str
    sha256: str
    bytes: int
    operation: dict[str, Any]

    @classmethod
    def made(cls, report: dict[str, Any], filename: str) -> Rows:
        """From what the engine reported of a file that came as ``filename``."""
        told = {name: report[name] for name in ("via", "rows", "uneven", "heading_lines")}
        name = _plain_name(filename, report["container"])
        return cls(Path(report["path"]), name, report["sha256"], report["bytes"], told)


@contextmanager
def unpacked(path: Path, filename: str, room: int) -> Iterator[Rows | None]:
    """The rows inside ``path`` for as long as the block lasts; None when they are plain already, and when the file is
    refused: then it is stored as it came, and its audit says what it is and what to do. Raises NotOpened, TakesLong."""
    if not _is_packed(path, filename):
        yield None
        return
    if path.stat().st_size > AT_ONCE_BYTES:
        raise TakesLong
    with tempfile.TemporaryDirectory(prefix=f"{path.stem}-", dir=path.parent) as folder:
        made = _open(path, filename, folder, room)
        yield None if made is None else Rows.made(made, filename)


def _is_packed(path: Path, filename: str) -> bool:
    try:
        return sniff(path, filename) in CONTAINERS
    except FileRefused:
        return False


def _open(path: Path, filename: str, folder: str, room: int) -> dict[str, Any] | None:
    # The name is one argument of a list and only its ending is looked at; `=` keeps a leading dash from being read.
    command = [sys.executable, "-m", "engine", "unpack", str(path), folder]
    command += [f"--name={filename}", f"--most-bytes={max(min(room, AT_ONCE_UNPACKED), 0)}"]
    try:
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=AT_ONCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise TakesLong from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        why = (done.stderr.strip().splitlines() or ["no message"])[-1][:200]
        raise NotOpened(f"The file could not be unpacked: {why}.", "Unpack it and upload the rows.") from None
    if refused := answer.get("refused"):
        if refused["reason"] == "too_large":
            if room > AT_ONCE_UNPACKED:
                raise TakesLong
            raise NotOpened(refused["found"], refused["remedy"])
        return None
    return answer if answer["path"] else None


def _plain_name(filename: str, container: str) -> str:
    name = filename[:-3] if filename.lower().endswith(".gz") else filename
    return name if container in ("json_array", "text") else f"{Path(name).stem[:240] or 'data'}.jsonl"
