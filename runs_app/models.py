"""A Run is one engine process and everything known about it; a RunEvent is one line of its event log."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from projects_app.models import Project

# A supervisor renews its lease each second. One that missed this many seconds is taken for dead.
LEASE = timedelta(seconds=8)
# Starting a supervisor means starting Django: on a busy machine that takes seconds.
STARTING_LEASE = timedelta(seconds=40)
MOST_ATTEMPTS = 3


class Status(models.TextChoices):
    QUEUED = "queued", "Queued"
    STARTING = "starting", "Starting"
    RUNNING = "running", "Running"
    STOPPING = "stopping", "Stopping"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Stopped"


ACTIVE = (Status.STARTING, Status.RUNNING, Status.STOPPING)
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


class Wanted(models.TextChoices):
    """What somebody asked of a running job."""

    NOTHING = "", "go on"
    STOP = "stop", "stop now"
    SAVE = "save", "save a checkpoint, then stop"
    REQUEUE = "requeue", "save a checkpoint, then wait in the queue again"


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: Any) -> RunQuerySet:
        return self.filter(project__memberships__user_id=user.pk)

    def queued(self) -> RunQuerySet:
        return self.filter(status=Status.QUEUED).order_by("queued_at", "id")

    def active(self) -> RunQuerySet:
        return self.filter(status__in=ACTIVE)

    def unattended(self, host: str) -> RunQuerySet:
        """Active runs of this host whose supervisor has let its lease end."""
        return self.active().filter(host=host, lease_until__lt=timezone.now())


class Run(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    wanted = models.CharField(max_length=8, choices=Wanted.choices, default=Wanted.NOTHING, blank=True)
    reason = models.CharField("failure word", max_length=20, blank=True)
    reason_text = models.TextField(blank=True)
    remedy = models.TextField(blank=True)

    exclusive = models.BooleanField(default=True)
    slot = models.CharField(max_length=120, blank=True)
    host = models.CharField(max_length=120, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    pid = models.IntegerField(null=True, blank=True)
    pid_started_at = models.FloatField(null=True, blank=True)
    attempt = models.IntegerField(default=0)

    offset = models.BigIntegerField("bytes of the event log recorded", default=0)
    last_seq = models.BigIntegerField(default=0)
    step = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    eta_s = models.FloatField(null=True, blank=True)
    doing = models.CharField(max_length=200, blank=True)

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["status", "queued_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["slot"],
                condition=Q(exclusive=True, status__in=ACTIVE),
                name="one_exclusive_run_per_slot",
            )
        ]

    def __str__(self) -> str:
        return f"Run {self.pk} · {self.title}"

    # ── where it lives, what it is ────────────────────────────────────────────────────────────────────────────
    @property
    def directory(self) -> Path:
        return Path(settings.WORKBENCH_HOME) / "runs" / str(self.pk)

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def kind_label(self) -> str:
        return str(settings.RUN_KINDS[self.kind]["label"])

    @property
    def percent(self) -> int | None:
        return min(100, int(100 * self.step / self.total)) if self.total else None

    @property
    def seconds(self) -> float | None:
        if not self.started_at:
            return None
        return ((self.ended_at or timezone.now()) - self.started_at).total_seconds()

    def get_absolute_url(self) -> str:
        return reverse("run", args=[self.project_id, self.pk])

    def recorder(self) -> Any:
        return import_string(settings.RUN_KINDS[self.kind]["recorder"])()

    # ── verbs: each is one compare-and-set, and says whether it was this caller who did it ────────────────────
    def claim(self, *, slot: str, host: str) -> bool:
        """queued → starting. False when somebody else was first or the slot is taken."""
        token = uuid.uuid4().hex
        try:
            with transaction.atomic():
                claimed = Run.objects.filter(pk=self.pk, status=Status.QUEUED).update(
                    status=Status.STARTING,
                    slot=slot,
                    host=host,
                    lease_token=token,
                    lease_until=timezone.now() + STARTING_LEASE,
                    attempt=F("attempt") + 1,
                    reason="",
                    reason_text="",
                    remedy="",
                )
        except IntegrityError:
            return False
        if claimed:
            self.refresh_from_db()
        return bool(claimed)

    def take_over(self) -> bool:
        """A new lease on a run whose supervisor is gone. False when it is not, or another was first."""
        token = uuid.uuid4().hex
        mine = Run.objects.filter(pk=self.pk, lease_token=self.lease_token, status__in=ACTIVE)
        taken = mine.filter(lease_until__lt=timezone.now()).update(
            lease_token=token, lease_until=timezone.now() + STARTING_LEASE
        )
        if taken:
            self.refresh_from_db()
        return bool(taken)

    def put_back(self) -> bool:
        """An ended run that did not succeed → queued. False when it is not such a run (any more)."""
        again: dict[str, Any] = {
            "status": Status.QUEUED, "wanted": "", "attempt": 0, "slot": "", "pid": None, "pid_started_at": None,
            "queued_at": timezone.now(), "ended_at": None, "lease_token": "",
        }  # fmt: skip
        retryable = [status for status in ENDED if status != Status.SUCCEEDED]
        return bool(Run.objects.filter(pk=self.pk, status__in=retryable).update(**again))

    def ask(self, wanted: Wanted) -> bool:
        """Asks a running job to stop; a queued one is cancelled at once. Asking twice changes nothing."""
        if Run.objects.filter(pk=self.pk, status=Status.QUEUED).update(
            status=Status.CANCELLED, ended_at=timezone.now(), wanted=wanted
        ):
            return True
        if wanted == Wanted.STOP:
            # "Stop now" may overtake a "save" that takes too long; never the other way round.
            return bool(Run.objects.filter(pk=self.pk, status__in=ACTIVE).exclude(wanted=wanted).update(wanted=wanted))
        return bool(Run.objects.filter(pk=self.pk, status__in=ACTIVE, wanted="").update(wanted=wanted))


class RunEvent(models.Model):
    run = models.ForeignKey(Run, models.CASCADE, related_name="events")
    seq = models.BigIntegerField()
    t = models.FloatField("Unix seconds")
    kind = models.CharField(max_length=12)
    data = models.JSONField()

    class Meta:
        ordering = ["run_id", "seq"]
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="one_row_per_event")]

    def __str__(self) -> str:
        return f"{self.run_id}#{self.seq} {self.kind}"

    def as_event(self) -> dict[str, Any]:
        return {"seq": self.seq, "t": self.t, "kind": self.kind, **self.data}
