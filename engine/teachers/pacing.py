"""How often an endpoint is asked: so many times a minute, and not at all while it asks for a pause."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LOOK_EVERY_S = 0.2


class Pace:
    """Evenly spaced turns, shared by threads; ``hold`` moves the next turn of all of them."""

    def __init__(self, per_minute: int) -> None:
        self._gap = 60.0 / per_minute if per_minute > 0 else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self, look: Callable[[], None]) -> None:
        """Returns when it is this caller's turn; ``look`` is called meanwhile and may raise."""
        while True:
            look()
            with self._lock:
                now = time.monotonic()
                if now >= self._next:
                    self._next = now + self._gap
                    return
                left = self._next - now
            time.sleep(min(left, _LOOK_EVERY_S))

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


def retry_after(value: str | None) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110, 10.2.3: seconds or a date); None without a usable one."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
