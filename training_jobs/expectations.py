"""What the preview expected of a run beside what the run took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Max
from django.db.models.fields import FloatField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from runs_app.models import Run
from training_jobs.models import TrainingJob
from training_jobs.planning import duration_range


@dataclass(frozen=True, slots=True)
class Expectation:
    """``taken`` and the range in bytes or seconds; ``taken`` is None until it is known."""

    name: str
    low: float
    high: float
    taken: float | None

    @property
    def words(self) -> str:
        """ "as expected", "less than expected", "more than expected", or empty."""
        if self.taken is None:
            return ""
        if self.taken > self.high:
            return "more than expected"
        return "less than expected" if self.taken < self.low else "as expected"

    @property
    def is_time(self) -> bool:
        return self.name == "Time"

    @property
    def time_range(self) -> str:
        return duration_range(self.low, self.high)


def expectations(job: TrainingJob) -> list[Expectation]:
    """Memory at the peak and time of the run; empty for runs that were launched without a preview."""
    known: dict[str, Any] = job.estimate
    if not known:
        return []
    run = job.run
    seconds = run.seconds if run.has_ended and run.status == "succeeded" else None
    return [
        Expectation("Memory", known["memory_low"], known["memory_high"], _peak(run)),
        Expectation("Time", known["time_low"], known["time_high"], seconds),
    ]


def first_batch(run: Run) -> dict[str, Any] | None:
    """The first batch as the run told it."""
    event = run.events.filter(kind="log", data__code="first_batch").order_by("-seq").first()
    return event.data if event is not None and isinstance(event.data.get("rows"), list) else None


def _peak(run: Run) -> float | None:
    """The most that the run saw itself hold: on a card there, else in the machine's memory."""
    for names in (("gpu_bytes",), ("peak_bytes", "rss_bytes")):
        found = [
            run.events.filter(**{f"data__{name}__gt": 0}).aggregate(most=Max(Cast(KT(f"data__{name}"), FloatField())))
            for name in names
        ]
        if most := max((one["most"] or 0.0 for one in found), default=0.0):
            return float(most)
    return None
