"""From the form to the last checkpoint: a real `python -m engine train` under the real supervisor."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.urls import reverse

from engine.data.examples import load
from runs_app.models import Run, Status, Wanted
from tests.training_jobs.cast import form_values, launch_url
from tests.world import World, run_to_end
from training_jobs.models import TrainingJob
from training_jobs.recording import TrainingRecorder


def launch(world: World, **settings: str) -> TrainingJob:
    world.split(train=16, validation=4)
    client = world.client("member")
    sent = form_values(client.get(launch_url(world))) | settings
    assert client.post(launch_url(world), sent).status_code == 302
    return TrainingJob.objects.get()


def test_it_trains_what_the_form_asked_and_the_page_tells_it(world: World) -> None:
    job = launch(
        world, run_length="steps", max_steps="6", eval_steps="3", logging_steps="2", adapter__lora_rank="2",
        num_train_epochs="50", gradient_accumulation_steps="1",
    )  # fmt: skip
    run = run_to_end(job.run)

    assert (run.status, run.reason_text) == (Status.SUCCEEDED, "")
    assert (run.step, run.total) == (6, 6)
    assert run.events.count() == run.last_seq == run.events.order_by("-seq").values_list("seq", flat=True)[0]
    events: dict[str, list[dict[str, Any]]] = {}
    for event in run.events.order_by("seq"):
        events.setdefault(event.kind, []).append(event.data)
    assert [event["step"] for event in events["progress"]] == [1, 2, 3, 4, 5, 6]
    assert [event["step"] for event in events["metric"] if "eval_loss" in event] == [0, 3, 6]
    assert all(event["loss"] > 0 for event in events["metric"] if "loss" in event)
    probed = [(event["step"], event["measure"]) for event in events["probe"]]
    assert probed == [(step, measure) for step in (0, 3, 6) for measure in ("loss", "accuracy")]
    assert len(events["done"]) == 1

    last = job.checkpoints.get(step=6)
    assert last.is_final and last.is_there and len(last.sha256) == 64
    assert (last.path / "adapter_model.safetensors").is_file()
    best = job.best_checkpoint
    losses = {saved.step: saved.scores["eval_loss"] for saved in job.checkpoints.all()}
    assert best is not None and losses[best.step] == min(losses.values())

    page = world.client("reader").get(job.get_absolute_url()).content.decode()
    assert "Succeeded" in page and "General accuracy" in page
    assert f"{events['probe'][0]['score']:.3f}" in page
    assert "To repeat this run" in page and job.split.version.sha256[:12] in page

    answer = world.client("reader").get(reverse("training_record", args=[world.project.pk, job.pk]))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer))) as record:
        assert record.testzip() is None
        assert json.loads(record.read("spec.json")) == job.spec
        assert json.loads(record.read("version.json"))["sha256"] == job.split.version.sha256
        ids = record.read("rows/train.ids").decode().split()
        told = json.loads(record.read("environment.json"))
    assert ids == [row.row_id for row in load(job.split.file("train"))]
    assert told["packages"]["bitsandbytes"] and told["data"]["parts"]["validation"]["rows"] == 4


@pytest.mark.slow
def test_it_stops_and_saves_and_goes_on_from_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job = launch(
        world, run_length="steps", max_steps="240", eval_steps="240", logging_steps="50", num_train_epochs="500"
    )
    record = TrainingRecorder.on_events

    def press_stop_and_save(recorder: TrainingRecorder, run: Run, events: list[dict[str, Any]]) -> None:
        record(recorder, run, events)
        if any(event["kind"] == "progress" for event in events):
            run.ask(Wanted.SAVE)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingRecorder, "on_events", press_stop_and_save)
        run = run_to_end(job.run)
    stopped_at = run.step
    assert run.status == Status.CANCELLED
    assert 0 < stopped_at < 240
    assert [saved.step for saved in job.checkpoints.all() if saved.is_there] == [stopped_at]

    response = world.client("member").post(reverse("run_retry", args=[world.project.pk, run.pk]))
    assert response.status_code == 302
    run = run_to_end(run)
    assert run.status == Status.SUCCEEDED
    resumed = [event.data for event in run.events.filter(kind="status") if event.data.get("phase") == "resumed"]
    assert [event["step"] for event in resumed] == [stopped_at]
    steps = [event.data["step"] for event in run.events.filter(kind="progress").order_by("seq")]
    assert steps == list(range(1, 241))


def test_it_fails_with_a_word_a_person_can_act_on(world: World) -> None:
    job = launch(world, run_length="steps", max_steps="3")
    job.split.file("train").write_text('{"messages": [{"role": "user", "content": "no answer"}]}\n')
    run = run_to_end(job.run)
    assert (run.status, run.reason) == (Status.FAILED, "Data")
    page = world.client().get(job.get_absolute_url()).content.decode()
    assert "Data:" in page and run.remedy[:20] in page
