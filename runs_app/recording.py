"""What an app does with the events of its runs. One recorder a kind, named in settings.RUN_KINDS."""

from __future__ import annotations

from typing import Any

from engine import process
from runs_app.models import Run

Event = dict[str, Any]


class Recorder:
    """The base does nothing; a kind overrides what it needs. Called inside the transaction that stores the events."""

    def argv(self, run: Run) -> list[str]:
        """The command line of the process."""
        return process.engine_argv(run.kind, str(run.directory))

    def environment(self, run: Run) -> dict[str, str]:
        """What the process is handed beside its spec: secrets, which are in no file and on no command line."""
        return {}

    def page_of(self, run: Run) -> str:
        """The page of what the run is for."""
        return run.project.get_absolute_url()

    def on_events(self, run: Run, events: list[Event]) -> None:
        """New events, in order, each exactly once."""

    def on_success(self, run: Run) -> None:
        """The process has ended well. What is raised here fails the run, with its text as the reason."""

    def on_end(self, run: Run) -> None:
        """The run has ended, whichever way; its status is final."""
