"""The data page says what more rows would bring, from the runs there are."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from datasets_app.models import DatasetVersion, Split
from runs_app.models import Run, RunEvent
from tests.world import World
from training_jobs.learning import learned
from training_jobs.models import TrainingJob


def trained(
    world: World, version: DatasetVersion, rows: int, losses: list[float], status: str = "succeeded", **more: Any
) -> TrainingJob:
    """An ended run on ``rows`` rows of the version; ``losses`` were measured at equal steps of its one epoch."""
    made = Run.objects.create(
        project=world.project, kind="split", title="s", status="succeeded", created_by=world.owner
    )
    counts = {"train": rows, "validation": 20, "test": 20}
    split = Split.objects.create(
        version=version, run=made, fractions={"train": 0.8}, result={"counts": counts}, created_by=world.owner
    )
    run = Run.objects.create(project=world.project, kind="train", title="t", status=status, created_by=world.owner)
    said: list[dict[str, Any]] = []
    for place, loss in enumerate(losses, 1):
        said += [
            {"step": place * 5, "epoch": place / len(losses), "loss": loss},
            {"step": place * 5, "eval_loss": loss},
        ]
    RunEvent.objects.bulk_create(
        [RunEvent(run=run, seq=seq, t=0.0, kind="metric", data=data) for seq, data in enumerate(said, 1)]
    )
    fields = {"base_model": world.base_model, "method": "sft", "adapter": "lora", "spec": {}, **more}
    return TrainingJob.objects.create(
        project=world.project, run=run, name=f"on {rows}", split=split, created_by=world.owner, **fields
    )


def shown(world: World, version: DatasetVersion, part: bool = True, role: str = "reader") -> str:
    url = reverse("learning_curve", args=[world.project.pk, version.pk])
    answer = world.client(role).get(url, headers={"HX-Request": "true"} if part else {})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_without_a_run_it_says_what_to_do(world: World) -> None:
    version = world.version([{"text": "one"}])
    assert "No run yet: train once and this says what more rows would bring." in shown(world, version)
    assert "Set up a run" not in shown(world, version), "a reader cannot"
    assert "Set up a run" in shown(world, version, role="member")
    trained(world, version, 100, [1.0], status="failed")
    assert "No run yet" in shown(world, version)


def test_runs_on_several_sizes_give_a_curve_with_an_interval(world: World) -> None:
    version = world.version([{"text": "one"}])
    child = DatasetVersion.objects.create(
        dataset=version.dataset, number=2, parent=version, filename="b.jsonl", sha256="0" * 64, size=1,
        created_by=world.owner,
    )  # fmt: skip
    for rows, loss in ((100, 2.0), (200, 1.7), (400, 1.45)):
        trained(world, child if rows == 400 else version, rows, [loss + 0.3, loss])
    trained(world, version, 800, [9.0], adapter="full")
    found = learned(version)
    assert [(point.rows, point.loss) for point in found.points] == [(100, 2.0), (200, 1.7), (400, 1.45)]
    assert found.curve is not None and not found.curve.rough
    (twice, at), _ = found.estimates
    assert (twice, at.rows) == (2.0, 800)
    assert 1.1 < at.low < at.expected < at.high < 1.45
    html = shown(world, child)
    assert "With 2 times the rows (800) the loss would fall from 1.4" in html
    assert "<html" not in html
    whole = shown(world, version, part=False)
    assert "<html" in whole and "800" in whole
    assert "Runs of Tiny, " in whole


def test_one_run_gives_a_rough_one_and_says_so(world: World) -> None:
    version = world.version([{"text": "one"}])
    trained(world, version, 400, [2.4, 2.0, 1.7, 1.5])
    found = learned(version)
    assert found.curve is not None and found.curve.rough
    assert [rows for rows, _ in found.curve.points] == [100, 200, 300, 400]
    assert "Rough: taken from the course of one run." in shown(world, version)


def test_a_run_that_measured_once_says_nothing_about_growth(world: World) -> None:
    version = world.version([{"text": "one"}])
    trained(world, version, 400, [1.5])
    html = shown(world, version)
    assert "say nothing about growth yet" in html
    assert "on 400" in html
