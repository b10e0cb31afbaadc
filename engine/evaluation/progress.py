"""How far an evaluation is, how long it will take still, and whether somebody wants it to end."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.control import Control
from engine.events import EventWriter
from engine.teachers import Stopped

_LOOK_EVERY_S = 0.5
_TELL_EVERY_S = 1.0


class Listener:
    """Called before each token; looks at the control file now and then, and raises Stopped."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._next = 0.0
        self._wanted = False

    def wants_end(self) -> bool:
        now = time.monotonic()
        if not self._wanted and now >= self._next:
            self._next = now + _LOOK_EVERY_S
            self._wanted = bool(self._control.wanted() or self._control.orphaned())
        return self._wanted

    def __call__(self) -> None:
        if self.wants_end():
            raise Stopped


class Clock:
    """Progress in answers over all systems, and the time left at the pace so far. Answers that were there already count
    as done and not for the pace."""

    def __init__(self, events: EventWriter, total: int, done: int, now: Callable[[], float] = time.monotonic) -> None:
        self._events, self._total, self._done, self._now = events, total, done, now
        self._tokens = self._made = self._cached = 0
        self._began = now()
        self._told = -_TELL_EVERY_S

    def answered(self, system: str, rows: int, tokens: int, *, cached: bool = False) -> None:
        self._done += rows
        if cached:
            self._cached += rows
        else:
            self._made += rows
            self._tokens += tokens
        now = self._now()
        if now - self._told < _TELL_EVERY_S and self._done < self._total:
            return
        self._told = now
        pace = (now - self._began) / self._made if self._made else None
        left = self._total - self._done
        self._events.emit(
            "progress",
            step=self._done,
            total=self._total,
            eta_s=None if pace is None and left else round((pace or 0.0) * left, 1),
            tokens=self._tokens,
            cached=self._cached,
            system=system,
        )
