"""Stopping at once: an audit may sit for minutes inside one library call, where no loop of ours asks to go on."""

from __future__ import annotations

import _thread
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.control import Control
from engine.job import STOPPED

LOOK_EVERY_S = 0.2
# A library call that does not come back to Python so long is ended with its process: what it writes is scratch.
PATIENCE_S = 0.7


@contextmanager
def stoppable(control: Control, scratch: Path) -> Iterator[None]:
    """Raises KeyboardInterrupt inside the block soon after a stop is asked for. Where the block is deep in a library
    the process ends itself with STOPPED, after taking away half-written files (``*.part`` of ``scratch``)."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_EVERY_S):
            if control.wanted():
                _thread.interrupt_main()
                if not over.wait(PATIENCE_S):
                    for part in scratch.glob("*.part"):
                        part.unlink(missing_ok=True)
                    os._exit(STOPPED)
                return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
