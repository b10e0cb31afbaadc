"""The doorbell's tasks. Each takes a second or two and may be delivered any number of times."""

from __future__ import annotations

from celery import shared_task

from runs_app import dispatching


@shared_task(ignore_result=True)
def dispatch() -> None:
    dispatching.look_around()
    dispatching.start_queued()


@shared_task(ignore_result=True)
def reap() -> None:
    dispatching.adopt_unattended()
    dispatching.look_around()
    dispatching.start_queued()
