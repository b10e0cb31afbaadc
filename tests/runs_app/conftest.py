from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from runs_app.models import Run
from runs_app.recording import Event, Recorder


class CountingRecorder(Recorder):
    """Records what it was told, so that a test can see that each event came once."""

    told: list[Event] = []
    ended: list[str] = []

    def argv(self, run: Run) -> list[str]:
        return [sys.executable, "-m", "tests.counting_job", str(run.directory)]

    def on_events(self, run: Run, events: list[Event]) -> None:
        self.told.extend(events)

    def on_success(self, run: Run) -> None:
        if "refuse the result" in run.title:
            raise ValueError("the result is not to my liking")

    def on_end(self, run: Run) -> None:
        self.ended.append(run.status)


@pytest.fixture(autouse=True)
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[CountingRecorder]]:
    """A run kind ``count`` for the length of one test."""
    kind: dict[str, Any] = {"label": "Count", "exclusive": True, "recorder": f"{__name__}.CountingRecorder"}
    monkeypatch.setitem(settings.RUN_KINDS, "count", kind)
    CountingRecorder.told.clear()
    CountingRecorder.ended.clear()
    yield CountingRecorder
