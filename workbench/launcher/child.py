"""One program that is kept running: started, watched, started again when it falls, ended with all it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from engine import process

MOST_RESTARTS = 3
# A child that has lived this long has started well: a later fall counts from the beginning again.
SETTLED_S = 60.0
LOG_BYTES = 5 << 20


@dataclass
class Child:
    """`grace_s` is how long it may take to end by itself before it is killed."""

    name: str
    argv: list[str]
    cwd: Path
    env: dict[str, str]
    log: Path
    grace_s: float = 5.0
    pass_fds: tuple[int, ...] = ()
    restarts: int = 0
    running: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    restart_at: float | None = None
    identity: process.Identity = field(default_factory=lambda: process.Identity(0, 0.0))

    def start(self) -> None:
        """In a session of its own, so that Ctrl-C reaches the launcher alone and it decides the order of ending."""
        self.restart_at = None
        with open_log(self.log) as log:
            self.running = subprocess.Popen(
                self.argv,
                cwd=self.cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=self.pass_fds,
                preexec_fn=tied_to_launcher(),
            )
        self.began = time.monotonic()
        self.identity = process.identify(self.running.pid)

    def fell(self) -> int | None:
        """The exit code when it has ended since the last look, once; None while it runs or waits to be restarted."""
        if self.running is None or self.restart_at is not None:
            return None
        code = self.running.poll()
        if code is not None:
            self._kill_session()
            if time.monotonic() - self.began > SETTLED_S:
                self.restarts = 0
        return code

    def restart_later(self) -> float | None:
        """Plan a restart after 1, 2, 4 seconds; the wait, or None when it has fallen too often."""
        if self.restarts >= MOST_RESTARTS:
            return None
        wait = float(2**self.restarts)
        self.restarts += 1
        self.restart_at = time.monotonic() + wait
        return wait

    def ask_to_end(self) -> None:
        if self.running is not None and self.running.poll() is None:
            self.running.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Ask, wait for `grace_s`, then kill; with it goes what it started and did not put in another session."""
        if self.running is None:
            return
        self.ask_to_end()
        try:
            self.running.wait(self.grace_s)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
        self._kill_session()

    def last_lines(self, count: int = 12) -> list[str]:
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 16_384))
                return log.read().decode(errors="replace").splitlines()[-count:]
        except OSError:
            return []

    def _kill_session(self) -> None:
        assert self.running is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.running.pid, signal.SIGKILL)


def tied_to_launcher() -> Callable[[], None]:
    """Run in a new child before its program: on Linux the kernel ends it when the launcher is gone, even by kill -9.

    Elsewhere nothing is done here; the next start ends what was left over (claim.py).
    """
    return process.tie_to_parent(signal.SIGTERM)


def open_log(path: Path) -> IO[bytes]:
    """For appending. One earlier file is kept, so that logs never fill the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".1.log"))
    return path.open("ab")
