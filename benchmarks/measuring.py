"""Time and memory of a piece of work in a process of its own, with all processes it starts."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil


class Options(NamedTuple):
    """``rows`` of the generated file, which lies in ``folder``; ``model``: a folder with a tokenizer."""

    rows: int
    folder: Path
    model: Path | None


class Line(NamedTuple):
    """One line of the table; ``goal`` and ``met`` are empty where nothing is promised."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None


class Measured(NamedTuple):
    """Seconds by the clock, seconds of processor over all processes, and the most memory they held together (MB)."""

    wall: float
    cpu: float
    peak: float


def measured(work: Callable[[], object]) -> Measured:
    """Runs ``work`` in a forked process. Raises RuntimeError when it fails."""
    process = multiprocessing.get_context("fork").Process(target=work)
    before, started, peak = _children(), time.monotonic(), 0
    process.start()
    while process.is_alive():
        peak = max(peak, _memory(process.pid or 0))
        process.join(0.1)
    wall = time.monotonic() - started
    if process.exitcode:
        raise RuntimeError(f"The measured work ended with {process.exitcode}.")
    return Measured(wall, _children() - before, peak / 1e6)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(pid: int) -> int:
    """Bytes: what is shared between processes is counted once, by shares (Linux); elsewhere once for each."""
    total = 0
    try:
        for each in (root := psutil.Process(pid), *root.children(recursive=True)):
            info = each.memory_full_info() if sys.platform.startswith("linux") else each.memory_info()
            total += getattr(info, "pss", info.rss)
    except psutil.Error:
        return 0
    return total
