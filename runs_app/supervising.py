"""One supervisor, one run: starts or re-attaches to the engine process, follows its event log, keeps the row true.

Whoever holds ``lease_token`` is the supervisor. A supervisor that finds another token on the row leaves quietly and
leaves the process alone: its successor has re-attached to it.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from engine import control, events, process
from engine.errors import EngineError
from engine.job import BUSY, STOPPED, SUCCEEDED, holder
from runs_app import dispatching, live
from runs_app.models import ACTIVE, LEASE, MOST_ATTEMPTS, Run, RunEvent, Status, Wanted
from runs_app.recording import Event

log = logging.getLogger(__name__)
LOOK_EVERY_S = 0.1
LEASE_EVERY_S = 1.0
RECORD_EVERY_S = 0.5
# "Stop now" is polite for this long; "save" may have a large checkpoint to write.
STOP_GRACE_S = 15.0
SAVE_GRACE_S = 600.0
TAKE_IN = timedelta(minutes=15)


class LostLease(Exception):
    """Another supervisor holds this run."""


class Supervisor:
    def __init__(self, run: Run, token: str) -> None:
        self.run = run
        self.token = token
        self.recorder = run.recorder()
        self.waiting: list[Event] = []
        self.child: subprocess.Popen[bytes] | None = None
        self.identity = process.Identity(0, 0.0)
        self.read_to = run.offset
        self.asked = ""
        self.asked_at = 0.0
        self.leaving = False

    # ── the whole life of a supervisor ────────────────────────────────────────────────────────────────────────
    def supervise(self) -> None:
        self._update(lease_until=timezone.now() + LEASE)
        try:
            self._start_or_attach()
        except OSError as error:
            self._end(
                Status.FAILED,
                "Internal",
                f"The engine process could not be started: {error}.",
                "Run the doctor, then retry.",
            )
            return
        self._watch()
        if self.child is not None and self.child.poll() == BUSY:
            # Another process of this run lives, started by a supervisor that could not write it down.
            self.identity, self.child = process.identify(holder(self.run.directory)), None
            self._take_note_of_process()
            self._watch()
        self._conclude()

    def _watch(self) -> None:
        """Follows the process until it has ended and its last event is recorded."""
        renewed = recorded = 0.0
        while process.alive(self.identity) if self.child is None else self.child.poll() is None:
            now = time.monotonic()
            if now - renewed >= LEASE_EVERY_S:
                self._renew()
                self._pass_on_what_is_wanted(now)
                renewed = now
            self._follow()
            if self.waiting and now - recorded >= RECORD_EVERY_S:
                self._record()
                recorded = now
            time.sleep(LOOK_EVERY_S)
        while self._follow():
            pass
        self._record()

    def _start_or_attach(self) -> None:
        run = self.run
        known = process.Identity(run.pid or 0, run.pid_started_at or 0.0)
        control.touch_lease(run.directory)
        if run.pid and process.alive(known):
            self.identity = known
            self._update(status=Status.RUNNING if run.status == Status.STARTING else run.status)
            live.publish_state(run)
            return
        if run.pid and _exit_code(run) is not None:  # it ended while nobody watched: only the record is behind
            return
        (run.directory / "exit_code").unlink(missing_ok=True)  # of an earlier attempt
        control.ask(run.directory, "")
        if run.status == Status.STOPPING and run.wanted != Wanted.REQUEUE:
            return  # nothing left to stop
        self.identity, self.child = process.start(
            self.recorder.argv(run),
            cwd=settings.BASE_DIR,
            log=run.directory / "console.log",
            env={
                **process.quiet_environment(),
                **dispatching.slot_environment(run.slot),
                **self.recorder.environment(run),
            },
        )
        try:
            self._take_note_of_process(started_at=run.started_at or timezone.now(), ended_at=None)
        except BaseException:
            process.end(self.identity)  # nobody would know of it: a second one must not start beside it
            raise
        live.publish_state(run)

    def _take_note_of_process(self, **more: Any) -> None:
        pid, started_at = self.identity.pid, self.identity.started_at
        self._update(status=Status.RUNNING, pid=pid, pid_started_at=started_at, **more)

    # ── while it runs ─────────────────────────────────────────────────────────────────────────────────────────
    def _renew(self) -> None:
        self._update(lease_until=timezone.now() + LEASE)
        control.touch_lease(self.run.directory)
        self.run.refresh_from_db(fields=["wanted", "status"])

    def _pass_on_what_is_wanted(self, now: float) -> None:
        wanted = self.run.wanted
        if not wanted:
            return
        if wanted != self.asked:
            self.asked, self.asked_at = wanted, now
            control.ask(self.run.directory, "stop" if wanted == Wanted.STOP else "save")
            self._update(status=Status.STOPPING)
            live.publish_state(self.run)
        grace = STOP_GRACE_S if wanted == Wanted.STOP else SAVE_GRACE_S
        if now - self.asked_at > grace:
            process.end(self.identity)

    def _follow(self) -> bool:
        """Reads what the log has gained and shows it to the viewers at once. True when there was something."""
        found, self.read_to = events.read(self.run.directory / "events.jsonl", self.read_to)
        if found:
            self.waiting.extend(found)
            live.publish(self.run.pk, found)
        return bool(found)

    def _record(self) -> None:
        """Stores what was read, what follows from it and the offset, in one transaction: each event exactly once."""
        fresh = [event for event in self.waiting if event["seq"] > self.run.last_seq]
        with transaction.atomic():
            if fresh:
                RunEvent.objects.bulk_create([_as_row(self.run, event) for event in fresh], batch_size=500)
                self.recorder.on_events(self.run, fresh)
            self._update(
                offset=self.read_to,
                last_seq=fresh[-1]["seq"] if fresh else self.run.last_seq,
                **_where_it_stands(fresh),
            )
        self.waiting.clear()

    # ── how it ended ──────────────────────────────────────────────────────────────────────────────────────────
    def _conclude(self) -> None:
        run = self.run
        run.refresh_from_db(fields=["wanted"])
        code = self.child.poll() if self.child is not None else None
        written = _exit_code(run)
        code = written if written is not None else code
        if code == SUCCEEDED:
            self._succeed()
        elif run.wanted == Wanted.STOP:
            self._end(Status.CANCELLED)
        elif code == STOPPED:
            self._end(Status.CANCELLED) if run.wanted == Wanted.SAVE else self._requeue()
        elif code == 1 and (error := run.events.filter(kind="error").order_by("-seq").first()):
            self._end(
                Status.FAILED,
                error.data.get("reason", "Internal"),
                error.data.get("text", "") or "",
                error.data.get("remedy", "") or "",
            )
        elif run.wanted == Wanted.REQUEUE:
            self._requeue()
        elif run.wanted == Wanted.SAVE:
            self._end(
                Status.FAILED,
                "Lost",
                f"The checkpoint could not be saved: the process ended without a word (exit code {code}).",
                "What the last checkpoint in the table holds is kept; go on from there.",
            )
        elif code is not None and code > 0:
            self._end(
                Status.FAILED,
                "Internal",
                f"The engine ended with exit code {code} before it could say why.",
                "The last lines of the log show it; retry, and report it if it comes back.",
            )
        elif run.attempt < MOST_ATTEMPTS:
            log.warning("The process of run %s was lost (exit code %s); it goes back to the queue.", run.pk, code)
            self._requeue()
        else:
            self._end(
                Status.FAILED,
                "Lost",
                f"The process ended without a word (exit code {code}), {run.attempt} times.",
                "It was probably killed for its memory: use a smaller batch or cutoff, then retry.",
            )

    def _succeed(self) -> None:
        try:
            # Taking in a large result may last longer than a lease; nobody must start to do it a second time.
            self._update(lease_until=timezone.now() + TAKE_IN)
            with transaction.atomic():
                self.recorder.on_success(self.run)
        except EngineError as error:
            self._end(Status.FAILED, error.reason, error.text, error.remedy)
        except Exception as error:  # the result could not be taken in: the run must not hang in "running" for ever
            log.exception("The result of run %s could not be recorded.", self.run.pk)
            self._end(
                Status.FAILED,
                "Internal",
                f"The process succeeded, but its result could not be recorded: {type(error).__name__}: {error}",
                "The files are in the run's folder; retry, and report this if it comes back.",
            )
        else:
            self._end(Status.SUCCEEDED)

    def _requeue(self) -> None:
        """Back to the queue: the next attempt resumes from the last checkpoint, where the kind has one."""
        self._forget_exit()
        # Being asked to wait is no failed attempt: the workbench may be closed and opened any number of times.
        attempt = self.run.attempt - (self.run.wanted == Wanted.REQUEUE)
        self._update(
            status=Status.QUEUED,
            attempt=attempt,
            wanted="",
            slot="",
            pid=None,
            pid_started_at=None,
            lease_token="",
            queued_at=self.run.queued_at,
        )
        live.publish_state(self.run)
        dispatching.ring()

    def _end(self, status: Status, reason: str = "", text: str = "", remedy: str = "") -> None:
        with transaction.atomic():
            self._update(
                status=status,
                reason=reason,
                reason_text=text[:2000],
                remedy=remedy[:1000],
                ended_at=timezone.now(),
                eta_s=None,
            )
            self.recorder.on_end(self.run)
        live.publish_state(self.run)
        dispatching.ring()

    def _forget_exit(self) -> None:
        (self.run.directory / "exit_code").unlink(missing_ok=True)
        control.ask(self.run.directory, "")

    def _update(self, **fields: Any) -> None:
        """Compare-and-set on the lease: the only way a supervisor writes to its row."""
        held = Run.objects.filter(pk=self.run.pk, lease_token=self.token, status__in=ACTIVE).update(**fields)
        if not held:
            raise LostLease(f"run {self.run.pk} has another supervisor or has ended")
        for name, value in fields.items():
            setattr(self.run, name, value)


def supervise(run_id: int, token: str) -> None:
    run = Run.objects.filter(pk=run_id, lease_token=token, status__in=ACTIVE).first()
    if run is None:
        log.info("Run %s is not for this supervisor.", run_id)
        return
    # A stop of the workbench is told through the row; a stray SIGINT or hang-up must not cut the record off.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        Supervisor(run, token).supervise()
    except LostLease as lost:
        log.info("%s", lost)


def stop_all(*, seconds: float) -> int:
    """Asks every active run of this host to checkpoint and wait in the queue; ends what has not after ``seconds``.

    Returns how many had to be ended the hard way. Their next attempt resumes from their last checkpoint.
    """
    mine = Run.objects.active().filter(host=dispatching.HOST)
    for run in mine:
        run.ask(Wanted.REQUEUE)
    deadline = time.monotonic() + seconds
    while mine.all().exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    left = list(mine.all())  # a queryset remembers what it was first asked
    for run in left:
        process.end(process.Identity(run.pid or 0, run.pid_started_at or 0.0), grace_s=3)
        Run.objects.filter(pk=run.pk, status__in=ACTIVE).update(lease_until=timezone.now() - timedelta(seconds=1))
    return len(left)


def _exit_code(run: Run) -> int | None:
    try:
        return int((run.directory / "exit_code").read_text())
    except (FileNotFoundError, ValueError):
        return None


def _as_row(run: Run, event: Event) -> RunEvent:
    data = {name: value for name, value in event.items() if name not in ("seq", "t", "kind")}
    return RunEvent(run=run, seq=event["seq"], t=event["t"], kind=event["kind"], data=data)


def _where_it_stands(fresh: list[Event]) -> dict[str, Any]:
    """The row's own copy of the latest progress, so that lists need not read events."""
    where: dict[str, Any] = {}
    for event in fresh:
        if event["kind"] == "progress":
            where["step"] = int(event.get("step") or 0)
            where["total"] = int(event.get("total") or 0)
            where["eta_s"] = event.get("eta_s")
            if event.get("doing"):
                where["doing"] = str(event["doing"])[:200]
        elif event["kind"] == "status":
            where["doing"] = str(event.get("text") or event.get("doing") or "")[:200]
    return where
