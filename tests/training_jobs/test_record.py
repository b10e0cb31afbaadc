"""The recorder: checkpoints become rows once, and a training without one has not succeeded."""

from __future__ import annotations

import pytest

from engine.errors import EngineError
from runs_app.models import Run
from tests.world import World
from training_jobs.models import TrainingJob
from training_jobs.recording import TrainingRecorder


def saved(step: int, **facts: object) -> dict[str, object]:
    return {"seq": step, "t": 0.0, "kind": "checkpoint", "step": step, "path": f"checkpoints/step-{step}", **facts}


@pytest.fixture
def job(world: World) -> TrainingJob:
    run = Run.objects.create(project=world.project, kind="train", title="t", created_by=world.owner)
    return TrainingJob.objects.create(
        project=world.project,
        run=run,
        name="t",
        split=world.split(),
        base_model=world.base_model,
        method="sft",
        adapter="lora",
        spec={},
        created_by=world.owner,
    )


def test_it_keeps_one_row_a_step_with_its_scores(job: TrainingJob) -> None:
    recorder = TrainingRecorder()
    recorder.on_events(
        job.run, [{"seq": 1, "kind": "metric", "step": 1, "loss": 2.0}, saved(5, scores={"eval_loss": 2.0})]
    )
    recorder.on_events(job.run, [saved(5, scores={"eval_loss": 1.5}, sha256="ab" * 32, final=True)])
    checkpoint = job.checkpoints.get()
    assert (checkpoint.step, checkpoint.folder, checkpoint.scores) == (5, "checkpoints/step-5", {"eval_loss": 1.5})
    assert (checkpoint.sha256, checkpoint.is_final) == ("ab" * 32, True)


def test_it_has_one_best_checkpoint_at_a_time(job: TrainingJob) -> None:
    TrainingRecorder().on_events(job.run, [saved(5, best=True), saved(10, best=True), saved(15, best=False)])
    assert list(job.checkpoints.filter(is_best=True).values_list("step", flat=True)) == [10]


@pytest.mark.parametrize("path", ["/etc", "../../etc", "checkpoints/../../x", "", None, 7, "x" * 201])
def test_it_takes_no_path_outside_the_run(job: TrainingJob, path: object) -> None:
    TrainingRecorder().on_events(job.run, [saved(5) | {"path": path}])
    assert not job.checkpoints.exists()


def test_it_offers_the_best_checkpoint_that_is_still_on_the_disk(job: TrainingJob) -> None:
    TrainingRecorder().on_events(job.run, [saved(5, best=True), saved(10), saved(15)])
    for step in (10, 15):
        (job.run.directory / f"checkpoints/step-{step}").mkdir(parents=True)
    assert job.best_checkpoint is not None and job.best_checkpoint.step == 15
    (job.run.directory / "checkpoints/step-5").mkdir()
    assert job.best_checkpoint is not None and job.best_checkpoint.step == 5


def test_it_refuses_a_success_that_left_nothing(job: TrainingJob) -> None:
    recorder = TrainingRecorder()
    recorder.on_events(job.run, [saved(5)])
    with pytest.raises(EngineError, match="without leaving a checkpoint"):
        recorder.on_success(job.run)
    (job.run.directory / "checkpoints/step-5").mkdir(parents=True)
    recorder.on_success(job.run)
