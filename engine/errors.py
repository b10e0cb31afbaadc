"""The one exception family of the engine. It carries what the caller must decide on, not only what broke."""

from __future__ import annotations

from typing import Literal

Reason = Literal["OutOfMemory", "Data", "Config", "Model", "Endpoint", "Disk", "Lost", "Internal"]


class EngineError(Exception):
    """A job cannot go on, and a person can do something about it.

    ``reason`` is one word a list can show; ``text`` says what happened and where (file, line, field);
    ``remedy`` says what to do next.
    """

    reason: Reason
    text: str
    remedy: str

    def __init__(self, reason: Reason, text: str, remedy: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.remedy = remedy
