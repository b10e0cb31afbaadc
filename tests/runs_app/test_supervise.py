"""One supervisor, one run: what the row says is what the process did."""

from __future__ import annotations

import subprocess
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from engine import process
from runs_app import dispatching
from runs_app.models import Run, Status, Wanted
from runs_app.supervising import Supervisor, stop_all, supervise
from tests.runs_app.conftest import CountingRecorder
from tests.world import World, run_to_end

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_records_every_event_once_and_in_order(world: World) -> None:
    run = run_to_end(world.run(kind="count", spec={"steps": 40}))
    assert run.status == Status.SUCCEEDED
    assert (run.step, run.total, run.eta_s) == (40, 40, None)
    seqs = list(run.events.values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    assert [event["seq"] for event in CountingRecorder.told] == seqs
    assert run.last_seq == seqs[-1]
    assert run.offset == (run.directory / "events.jsonl").stat().st_size


def test_it_tells_why_a_run_failed_and_what_to_do(world: World) -> None:
    run = run_to_end(world.run(kind="count", spec={"steps": 5, "fail": 3}))
    assert (run.status, run.reason, run.reason_text) == (Status.FAILED, "Data", "Line 3 has no answer.")
    assert run.remedy == "Repair the data."
    assert CountingRecorder.ended == ["failed"]


def test_it_goes_on_from_the_last_checkpoint_when_the_process_is_killed(world: World) -> None:
    run = run_to_end(world.run(kind="count", spec={"steps": 6, "die": 4}))
    assert run.status == Status.SUCCEEDED
    assert run.attempt == 2
    steps = [row.data["step"] for row in run.events.filter(kind="metric")]
    assert steps == [1, 2, 3, 4, 5, 6], "no step is lost and none is told twice"
    assert run.events.filter(kind="status").last().data["text"] == "resumed from step 4"


def test_it_gives_up_on_a_process_that_cannot_start(world: World) -> None:
    run = world.run(kind="count")
    (run.directory / "spec.json").unlink()
    run = run_to_end(run)
    assert (run.status, run.reason) == (Status.FAILED, "Config")


def test_it_fails_a_run_whose_result_cannot_be_taken_in(world: World) -> None:
    run = run_to_end(world.run(kind="count", title="refuse the result", spec={"steps": 1}))
    assert (run.status, run.reason) == (Status.FAILED, "Internal")
    assert "not to my liking" in run.reason_text


@pytest.mark.parametrize(
    ("wanted", "spec", "status"),
    [
        (Wanted.STOP, {}, Status.CANCELLED),
        (Wanted.SAVE, {}, Status.CANCELLED),
        (Wanted.REQUEUE, {}, Status.QUEUED),
    ],
)
def test_it_does_what_is_asked_of_a_running_job(world: World, wanted: Wanted, spec: dict, status: Status) -> None:
    run = world.run(kind="count", spec={"steps": 10_000, "pause": 0.01, **spec})
    thread = _supervise_in_thread(run)
    _wait_for(run, lambda: run.step > 3)
    assert run.ask(wanted)
    assert not run.ask(wanted), "a second tab changes nothing"
    thread.join(60)
    run.refresh_from_db()
    assert run.status == status
    assert run.attempt == (0 if wanted == Wanted.REQUEUE else 1), "being asked to wait is no failed attempt"
    assert not process.alive(process.Identity(run.pid or 0, run.pid_started_at or 0))


def test_a_save_that_fails_is_no_ordinary_stop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs_app.supervising.SAVE_GRACE_S", 0.5)
    run = world.run(kind="count", spec={"steps": 10_000, "pause": 0.01, "hold": True})
    thread = _supervise_in_thread(run)
    _wait_for(run, lambda: run.step > 1)
    run.ask(Wanted.SAVE)
    thread.join(60)
    run.refresh_from_db()
    assert (run.status, run.reason) == (Status.FAILED, "Lost")
    assert "could not be saved" in run.reason_text


def test_stopping_everything_waits_only_as_long_as_it_takes(world: World) -> None:
    run = world.run(kind="count", spec={"steps": 10_000, "pause": 0.01})
    thread = _supervise_in_thread(run)
    _wait_for(run, lambda: run.step > 1)
    begun = time.monotonic()
    assert stop_all(seconds=60) == 0
    assert time.monotonic() - begun < 50
    thread.join(60)
    run.refresh_from_db()
    assert run.status == Status.QUEUED


def test_a_second_process_never_writes_beside_the_first(world: World) -> None:
    run = world.run(kind="count", spec={"steps": 100, "pause": 0.02})
    first = subprocess.Popen(run.recorder().argv(run))
    deadline = time.monotonic() + 60
    while not (run.directory / "saved").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run = run_to_end(run)
    assert first.wait(60) == 0
    assert run.status == Status.SUCCEEDED
    assert [row.data["step"] for row in run.events.filter(kind="metric")] == list(range(1, 101))


def test_it_ends_a_job_that_does_not_listen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs_app.supervising.STOP_GRACE_S", 0.5)
    run = world.run(kind="count", spec={"steps": 10_000, "pause": 0.01, "deaf": True})
    thread = _supervise_in_thread(run)
    _wait_for(run, lambda: run.step > 1)
    run.ask(Wanted.STOP)
    thread.join(60)
    run.refresh_from_db()
    assert run.status == Status.CANCELLED


def test_a_second_supervisor_reattaches_and_the_first_leaves_quietly(world: World) -> None:
    run = world.run(kind="count", spec={"steps": 150, "pause": 0.02})
    first = _supervise_in_thread(run)
    _wait_for(run, lambda: run.step > 3)
    pid = run.pid
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    run.refresh_from_db()
    assert run.take_over()
    supervise(run.pk, run.lease_token)
    first.join(60)
    run.refresh_from_db()
    assert run.status == Status.SUCCEEDED
    assert run.pid == pid, "the process was not started again"
    steps = [row.data["step"] for row in run.events.filter(kind="metric")]
    assert steps == list(range(1, 151))


def test_a_run_that_ended_unwatched_is_recorded_by_the_next_supervisor(world: World) -> None:
    run = world.run(kind="count", spec={"steps": 30})
    run.claim(slot="test:1", host=dispatching.HOST)
    watcher = Supervisor(run, run.lease_token)
    watcher._start_or_attach()
    assert watcher.child is not None
    watcher.child.wait(60)
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    run.refresh_from_db()
    assert run.take_over()
    supervise(run.pk, run.lease_token)
    run.refresh_from_db()
    assert run.status == Status.SUCCEEDED
    assert run.events.filter(kind="metric").count() == 30


def _supervise_in_thread(run: Run) -> threading.Thread:
    assert run.claim(slot=f"test:{run.pk}", host=dispatching.HOST)
    token = run.lease_token

    def body() -> None:
        try:
            held = Run.objects.get(pk=run.pk)
            watcher = Supervisor(held, token)
            try:
                watcher.supervise()
            except Exception as error:
                assert type(error).__name__ == "LostLease", error
        finally:
            connection.close()

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    return thread


def _wait_for(run: Run, holds: object) -> None:
    deadline = time.monotonic() + 60
    while True:
        run.refresh_from_db()
        if holds():  # type: ignore[operator]
            return
        assert time.monotonic() < deadline, f"{run} is still {run.status} at step {run.step}"
        time.sleep(0.05)
