"""Which run starts where: claims queued runs for free slots of this host, and starts a detached supervisor for each."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from functools import cache
from typing import Any

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from kombu.exceptions import KombuError

from engine import device, process
from runs_app import live
from runs_app.models import ACTIVE, Run

log = logging.getLogger(__name__)
HOST: str = settings.WORKER_NAME
# Audits, repairs and splits share the machine; more than this many at once would only slow each other down.
MOST_SHARED = 2


def enqueue(run: Run, spec: dict[str, Any]) -> None:
    """Writes the run's directory and rings after commit. The row is the queue entry: a lost ring only costs a beat."""
    run.directory.mkdir(parents=True, exist_ok=True)
    (run.directory / "spec.json").write_text(json.dumps(spec, ensure_ascii=False, indent=1), encoding="utf-8")
    transaction.on_commit(ring)


def ring() -> None:
    """Asks a worker to look at the queue now. Silent when the broker is away: beat looks every two seconds."""
    try:
        # By name: the task calls this module, so this module must not import the task.
        current_app.send_task("runs_app.tasks.dispatch", retry=False, expires=30, ignore_result=True)
    except (KombuError, redis.RedisError, OSError) as error:
        log.warning("The doorbell did not ring (%s); the queue is read again within seconds.", error)


def start_queued() -> int:
    """Starts what fits, oldest first; returns how many were started by this call."""
    started = 0
    for run in Run.objects.queued():
        slot = _free_slot(run)
        if slot is not None and run.claim(slot=slot, host=HOST):
            _start_supervisor(run)
            live.publish_state(run)
            started += 1
    return started


def look_around() -> None:
    """What other rooms do at each beat (settings.EACH_BEAT): start what waited for a run that has ended."""
    for name in settings.EACH_BEAT:
        try:
            import_string(name)()
        except Exception:  # the queue goes on whatever breaks there
            log.exception("%s failed; it is called again at the next beat.", name)


def adopt_unattended() -> int:
    """Gives every run of this host whose supervisor is gone a new one; returns how many."""
    adopted = 0
    for run in Run.objects.unattended(HOST):
        if run.take_over():
            log.warning("Run %s lost its supervisor; starting another.", run.pk)
            _start_supervisor(run)
            adopted += 1
    return adopted


@cache
def exclusive_slots() -> tuple[str, ...]:
    """One slot per GPU, else one for the CPU: two trainings on one device only slow each other down."""
    gpus = device.describe().gpus
    return tuple(f"{HOST}:gpu{number}" for number in range(len(gpus))) or (f"{HOST}:cpu",)


def slot_environment(slot: str) -> dict[str, str]:
    """What ties a process to its slot: the one GPU it may see."""
    name = slot.rpartition(":")[2]
    return {"CUDA_VISIBLE_DEVICES": name.removeprefix("gpu")} if name.startswith("gpu") else {}


def _free_slot(run: Run) -> str | None:
    mine = Run.objects.filter(host=HOST, status__in=ACTIVE)
    if not run.exclusive:
        return "shared" if mine.filter(exclusive=False).count() < MOST_SHARED else None
    taken = set(mine.filter(exclusive=True).values_list("slot", flat=True))
    return next((slot for slot in exclusive_slots() if slot not in taken), None)


def _start_supervisor(run: Run) -> None:
    run.directory.mkdir(parents=True, exist_ok=True)
    with (run.directory / "supervisor.log").open("ab") as out:
        # Its own session: it must outlive the worker that rang, and a Ctrl-C meant for that worker.
        subprocess.Popen(
            [sys.executable, "manage.py", "supervise", str(run.pk), run.lease_token],
            cwd=settings.BASE_DIR,
            env={
                **process.quiet_environment(),
                "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
            },
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            close_fds=True,
        )
