"""What a supervisor tells a running job, through two small files in the run directory.

``control`` holds one word: ``stop`` (end now) or ``save`` (checkpoint, then end). ``lease`` is touched by the
supervisor each second. A job that nobody has looked at for two minutes ends itself: no orphan holds a device.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal, cast

Wanted = Literal["", "stop", "save"]
ORPHAN_AFTER_S = 120.0


class Control:
    """The job's side: ask it between two steps."""

    def __init__(self, run_dir: Path) -> None:
        self._control = run_dir / "control"
        self._lease = run_dir / "lease"
        self._lease_seen: float | None = None
        self._lease_changed_at = time.monotonic()

    def wanted(self) -> Wanted:
        try:
            word = self._control.read_text().strip()
        except FileNotFoundError:
            return ""
        return cast(Wanted, word) if word in ("stop", "save") else ""

    def orphaned(self) -> bool:
        """True when there is a lease file and nobody has touched it for two minutes.

        The age is counted on the job's own monotonic clock from the last change seen, so that a clock that jumps
        (suspend, NTP) kills nothing.
        """
        try:
            touched = self._lease.stat().st_mtime
        except FileNotFoundError:
            return False
        if touched != self._lease_seen:
            self._lease_seen = touched
            self._lease_changed_at = time.monotonic()
            return False
        return time.monotonic() - self._lease_changed_at > ORPHAN_AFTER_S


def ask(run_dir: Path, word: Wanted) -> None:
    """The supervisor's side: leave a word for the job; an empty one takes it back."""
    path = run_dir / "control"
    if word:
        path.write_text(word)
    else:
        path.unlink(missing_ok=True)


def touch_lease(run_dir: Path) -> None:
    (run_dir / "lease").touch()
