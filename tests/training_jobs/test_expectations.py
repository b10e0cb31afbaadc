"""The page of a run: what the preview expected beside what the run took, and its first batch as the model saw it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from runs_app.models import RunEvent
from tests.training_jobs.cast import form_values, launch_url
from tests.world import World, run_to_end
from training_jobs.expectations import expectations
from training_jobs.models import TrainingJob


def shown(world: World, job: TrainingJob) -> str:
    url = reverse("training_job", args=[world.project.pk, job.pk])
    return world.client("reader").get(url).content.decode().replace("\xa0", " ")


def told(job: TrainingJob, *events: dict[str, Any]) -> None:
    for seq, data in enumerate(events, 1):
        RunEvent.objects.create(run=job.run, seq=seq, t=0, kind="log", data=data)


def test_it_keeps_what_was_expected_and_measures_it(world: World) -> None:
    world.split()
    client = world.client("member")
    sent = form_values(client.get(launch_url(world))) | {"run_length": "steps", "max_steps": "2"}
    client.post(launch_url(world), sent)
    job = TrainingJob.objects.get()
    memory, time = expectations(job)
    assert 0 < memory.low < memory.high and 0 < time.low < time.high
    assert memory.taken is None and time.taken is None
    assert run_to_end(job.run).status == "succeeded"
    job.refresh_from_db()
    memory, time = expectations(TrainingJob.objects.get())
    assert memory.taken is not None and memory.taken > 100 << 20
    assert time.taken is not None and time.words
    page = shown(world, job)
    assert "Expected and measured" in page and "Memory at the peak" in page
    batch = page.split('id="first-batch"')[1].split("</details>")[0]
    assert "tokens trained" in batch and '<mark class="seen-trained">' in batch
    assert "&quot;kind&quot;" in batch and "<|im_start|>" not in batch, "the template's marks are text, and escaped"


def test_it_says_how_the_measured_lies_to_the_expected(world: World) -> None:
    job = world.job()
    assert expectations(job) == [] and "Expected and measured" not in shown(world, job)
    job.estimate = {"memory_low": 1e9, "memory_high": 2e9, "time_low": 10, "time_high": 20}
    job.save(update_fields=["estimate"])
    told(job, {"peak_bytes": 2_500_000_000}, {"rss_bytes": 1_500_000_000})
    memory, _ = expectations(job)
    assert (memory.taken, memory.words) == (2_500_000_000, "more than expected")
    assert "more than expected" in shown(world, job)


def test_it_escapes_what_the_first_batch_says(world: World) -> None:
    job = world.job()
    row = {
        "tokens": 3,
        "trained": 1,
        "side": "chosen",
        "parts": [["<img src=x onerror=alert(1)>", False], ["ok", True]],
    }
    told(job, {"code": "first_batch", "rows": [row], "sequences": 1, "tokens": 3, "trained": 1})
    page = shown(world, job)
    assert "<img src=x" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<strong>chosen</strong>" in page
