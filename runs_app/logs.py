"""Reading console logs of any size: only ends and slices are ever in memory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

TAIL_BYTES = 64 << 10
SEARCH_BYTES = 8 << 20
MOST_LINES = 400
SLICE = 1 << 20


def tail(path: Path, query: str = "") -> list[str]:
    """The last lines (at most 400); with ``query``, the last lines that contain it, from the last 8 MB."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - (SEARCH_BYTES if query else TAIL_BYTES))
            file.seek(start)
            block = file.read()
    except FileNotFoundError:
        return []
    if start:
        block = block[block.find(b"\n") + 1 :]
    # A progress bar rewrites its line with carriage returns: what a terminal would show is what came last.
    lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in block.decode("utf-8", "replace").split("\n")]
    if query:
        lines = [line for line in lines if query.lower() in line.lower()]
    while lines and not lines[-1]:
        lines.pop()
    return lines[-MOST_LINES:]


async def chunks(path: Path) -> AsyncIterator[bytes]:
    """The whole file in slices."""
    try:
        with path.open("rb") as file:
            while block := file.read(SLICE):
                yield block
    except FileNotFoundError:
        return
