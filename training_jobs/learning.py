"""What more rows would bring, from the validation losses of runs on a dataset's versions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from datasets_app.models import DatasetVersion
from engine.decision.learning_curve import Estimate, LearningCurve, fit, of_one_run
from runs_app.models import Run, Status
from training_jobs.models import TrainingJob

MOST_RUNS = 200
TIMES = (2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Point:
    """A run that ended well: rows it learned from, its best validation loss."""

    job: TrainingJob
    rows: int
    loss: float


@dataclass(frozen=True, slots=True)
class Learned:
    """``points`` are runs that can be compared, those with fewest rows first; ``curve`` is None where they say nothing
    about growth. ``alike`` says what the runs have in common."""

    points: list[Point] = field(default_factory=list)
    curve: LearningCurve | None = None
    alike: str = ""

    @property
    def estimates(self) -> list[tuple[float, Estimate]]:
        return [(times, self.curve.gain(times)) for times in TIMES] if self.curve else []


def learned(version: DatasetVersion) -> Learned:
    """From runs on splits of this version and of the other versions of its dataset. Only runs of one base model, method
    and adapter are compared; of several such kinds the one with the most sizes counts. With no two sizes that differ
    enough, the course of the newest run has to do."""
    jobs = TrainingJob.objects.filter(split__version__dataset=version.dataset, run__status=Status.SUCCEEDED)
    kinds: dict[tuple[int, str, str], list[Point]] = defaultdict(list)
    for job in jobs.select_related("run", "split", "base_model", "project").order_by("-id")[:MOST_RUNS]:
        losses = [loss for _, loss in _validated(job.run)]
        rows = job.split.rows("train")
        if losses and rows:
            kinds[job.base_model_id, job.method, job.adapter].append(Point(job, rows, min(losses)))
    if not kinds:
        return Learned()
    # A kind of run comes by its newest run first, so that of equals the newest counts.
    points = max(kinds.values(), key=lambda found: len({point.rows for point in found}))
    curve = fit([(point.rows, point.loss) for point in points])
    if curve is None:
        points = next(iter(kinds.values()))
        newest = points[0]
        curve = of_one_run(_by_epoch(newest.job.run), newest.rows)
    job = points[0].job
    alike = f"{job.base_model.name}, {job.method_label}, {job.adapter_label}"
    return Learned(sorted(points, key=lambda point: (point.rows, point.job.pk)), curve, alike)


def _validated(run: Run) -> list[tuple[int, float]]:
    """(step, validation loss), each step once, as it was measured last."""
    found: dict[int, float] = {}
    measured = run.events.filter(kind="metric", data__eval_loss__isnull=False).order_by("seq")
    for data in measured.values_list("data", flat=True):
        loss = data["eval_loss"]
        if isinstance(loss, (int, float)) and loss > 0:
            found[int(data["step"])] = float(loss)
    return sorted(found.items())


def _by_epoch(run: Run) -> list[tuple[float, float]]:
    """(epochs done, validation loss): a measurement names its step, the lines of training say how far that is."""
    told = run.events.filter(kind="metric", data__epoch__gt=0, data__step__gt=0).order_by("-seq").first()
    if told is None:
        return []
    share = float(told.data["epoch"]) / int(told.data["step"])
    return [(step * share, loss) for step, loss in _validated(run)]
