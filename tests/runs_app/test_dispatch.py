"""Which run starts, where, and how often: once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from celery import current_app
from django.db import connection
from django.utils import timezone

from runs_app import dispatching
from runs_app.models import Run, Status, Wanted
from tests.world import World
from workbench.celery import app as celery_app

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs for which a supervisor was started; the process itself is the business of test_supervise.py."""
    found: list[int] = []
    monkeypatch.setattr(dispatching, "_start_supervisor", lambda run: found.append(run.pk))
    return found


def test_two_hundred_rings_start_a_run_once(world: World, started: list[int]) -> None:
    run = world.run(kind="count")
    barrier = threading.Barrier(8)

    def ring() -> None:
        barrier.wait()
        for _ in range(25):
            dispatching.start_queued()
        connection.close()

    threads = [threading.Thread(target=ring) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert started == [run.pk]
    run.refresh_from_db()
    assert (run.status, run.attempt) == (Status.STARTING, 1)


def test_it_gives_a_device_to_one_run_at_a_time_oldest_first(world: World, started: list[int]) -> None:
    first, second = world.run(kind="count"), world.run(kind="count")
    dispatching.start_queued()
    assert started == [first.pk]
    Run.objects.filter(pk=first.pk).update(status=Status.SUCCEEDED)
    dispatching.start_queued()
    assert started == [first.pk, second.pk]


def test_the_database_itself_refuses_two_runs_in_one_slot(world: World, started: list[int]) -> None:
    first, second = world.run(kind="count"), world.run(kind="count")
    assert first.claim(slot="here:cpu", host="here")
    assert not second.claim(slot="here:cpu", host="here")
    second.refresh_from_db()
    assert second.status == Status.QUEUED


def test_audits_do_not_wait_for_the_device(world: World, started: list[int]) -> None:
    training = world.run(kind="count")
    audits = [world.run(kind="audit", exclusive=False) for _ in range(3)]
    dispatching.start_queued()
    assert started == [training.pk, audits[0].pk, audits[1].pk], "two shared runs beside it, the third waits"


def test_it_adopts_a_run_whose_supervisor_is_gone(world: World, started: list[int]) -> None:
    run = world.run(kind="count")
    run.claim(slot="here:cpu", host=dispatching.HOST)
    assert dispatching.adopt_unattended() == 0, "its lease still runs"
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert dispatching.adopt_unattended() == 1
    assert dispatching.adopt_unattended() == 0, "the second look finds it taken care of"
    assert started == [run.pk]


def test_it_leaves_runs_of_other_hosts_alone(world: World, started: list[int]) -> None:
    run = world.run(kind="count")
    run.claim(slot="elsewhere:cpu", host="elsewhere")
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(hours=1))
    assert dispatching.adopt_unattended() == 0


def test_a_queued_run_is_cancelled_at_once(world: World, started: list[int]) -> None:
    run = world.run(kind="count")
    assert run.ask(Wanted.STOP)
    dispatching.start_queued()
    run.refresh_from_db()
    assert (run.status, started) == (Status.CANCELLED, [])


def test_the_doorbell_may_be_broken(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("no broker")

    monkeypatch.setattr(current_app, "send_task", broken)
    run = world.run(kind="count")
    run.refresh_from_db()
    assert run.status == Status.QUEUED
    assert "did not ring" in caplog.text


def test_the_doorbell_names_a_task_that_there_is() -> None:
    celery_app.loader.import_default_modules()  # what a worker does when it starts
    assert "runs_app.tasks.dispatch" in celery_app.tasks
