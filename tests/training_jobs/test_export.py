"""A run leaves the workbench: the form, a real export under the real supervisor, its page, its files, and back in."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import reverse
from transformers import AutoModelForCausalLM

from models_app.models import BaseModel
from models_app.registering import NotAModel, register
from projects_app.models import Membership, Project, Role
from runs_app.models import Status
from tests.training_jobs.cast import launch_url
from tests.world import World, run_to_end
from training_jobs.export_models import Export
from training_jobs.models import TrainingJob


def ask(world: World, job: TrainingJob, role: str = "member", **changed: Any) -> HttpResponse:
    sent = {"form": "merged", "precision": "", "checkpoint": str(job.checkpoints.get().pk), "part": "test", "rows": "3"}
    return world.client(role).post(reverse("export_new", args=[world.project.pk, job.pk]), sent | changed)


@pytest.fixture
def job(world: World) -> TrainingJob:
    job = world.job()
    job.spec = {"data": {"system_prompt": "Answer with JSON only."}, "training": {"learning_rate": 1e-3}}
    job.save(update_fields=["spec"])
    return job


def test_it_exports_and_shows_that_it_is_the_same_and_is_a_base_model_then(world: World, job: TrainingJob) -> None:
    assert ask(world, job).status_code == 302
    merged = Export.objects.get()
    run = run_to_end(merged.run)
    assert (run.status, run.reason_text) == (Status.SUCCEEDED, "")
    merged.refresh_from_db()
    replay = merged.result["replay"]
    assert (replay["rows"], replay["same_prompts"], replay["same_answers"]) == (3, 3, 3)
    page = world.client("reader").get(merged.get_absolute_url()).content.decode()
    assert "Every row came out the same" in page and "model.safetensors" in page
    assert "Download all" not in page, "a reader sees what came out, and takes nothing away"
    assert "Answer with JSON only." in page, "rows are asked with the project's system prompt"
    assert "Exports" in world.client("reader").get(merged.job.get_absolute_url()).content.decode()

    archive = world.client("member").get(reverse("export_download", args=[world.project.pk, merged.pk]))
    with zipfile.ZipFile(io.BytesIO(b"".join(archive))) as files:
        assert files.testzip() is None
        for told in merged.result["files"]:
            assert hashlib.sha256(files.read(told["name"])).hexdigest() == told["sha256"]
        card = files.read("README.md").decode()
    assert "# first try" in card and "identical in 3 of 3" in card and "Answer with JSON only." in card
    assert merged.job.split.version.sha256 in card and "16 train" in card and "| Learning rate | 0.001 |" in card

    client, url = world.client("member"), reverse("export_register", args=[world.project.pk, merged.pk])
    assert client.post(url).status_code == client.post(url).status_code == 302
    model = BaseModel.objects.exclude(pk=world.base_model.pk).get()
    assert model.is_there and model.project == world.project and model.parameters == world.base_model.parameters
    assert AutoModelForCausalLM.from_pretrained(model.path).config.model_type == "llama"
    assert model.name in client.get(launch_url(world)).content.decode(), "a run can start from it"
    assert model.licence == world.base_model.licence and "first try" not in str(model.about["cannot"])
    gone = client.post(reverse("export_delete", args=[world.project.pk, merged.pk]), follow=True).content.decode()
    assert "so it stays" in gone and model.is_there and Export.objects.filter(pk=merged.pk).exists()


def test_it_deletes_an_export_with_its_files_and_leaves_the_run(
    world: World, job: TrainingJob, django_capture_on_commit_callbacks: Any
) -> None:
    ask(world, job)
    export = Export.objects.get()
    url, client = reverse("export_delete", args=[world.project.pk, export.pk]), world.client("member")
    assert "still being written" in client.post(url, follow=True).content.decode()
    assert url not in client.get(export.get_absolute_url()).content.decode()
    export.run.status = Status.SUCCEEDED
    export.run.save(update_fields=["status"])
    export.folder.mkdir(parents=True)
    (export.folder / "model.safetensors").write_bytes(b"12345")
    Export.objects.update(result={"files": [{"name": "model.safetensors", "bytes": 5, "sha256": "0"}], "bytes": 5})
    page = client.get(export.get_absolute_url()).content.decode()
    assert url in page and "with 1 file (5\xa0bytes)" in page
    assert url not in world.client("reader").get(export.get_absolute_url()).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        assert "is gone" in client.post(url, follow=True).content.decode()
    assert not Export.objects.exists() and not export.run.directory.exists()
    assert TrainingJob.objects.filter(pk=job.pk).exists() and job.checkpoints.get().is_there
    assert client.post(url).status_code == 404


def test_a_model_of_a_project_is_for_its_people_alone(world: World, tiny_model: Path) -> None:
    model = register(tiny_model, name="Ours", project=world.project)
    other = Project.objects.create(name="Other", created_by=world.stranger)
    Membership.objects.create(project=other, user=world.stranger, role=Role.OWNER)
    assert list(BaseModel.objects.usable_in(other)) == [world.base_model]
    assert list(BaseModel.objects.usable_in(world.project)) == [model, world.base_model]
    assert "Ours" not in world.client("stranger").get(reverse("models")).content.decode()
    assert "Ours" in world.client("reader").get(reverse("models")).content.decode()
    with pytest.raises(NotAModel, match="another project"):
        register(tiny_model, name="Ours", project=other)


def test_it_says_why_a_form_is_not_there(world: World, job: TrainingJob) -> None:
    page = world.client("member").get(reverse("export_new", args=[world.project.pk, job.pk])).content.decode()
    assert "merges nothing" in page, "the tiny tokenizer has no place in a GGUF file"
    assert ask(world, job, form="gguf").status_code == 400
    TrainingJob.objects.update(adapter="prompt_tuning")
    page = world.client("member").get(reverse("export_new", args=[world.project.pk, job.pk])).content.decode()
    assert "stands in front of each prompt" in page
    assert ask(world, job).status_code == 400
    assert not Export.objects.exists()


def test_it_keeps_what_was_typed_beside_its_mistake(world: World, job: TrainingJob) -> None:
    page = ask(world, job, form="adapter", precision="bf16", rows="7")
    assert page.status_code == 400
    assert "comes in: As trained" in page.content.decode() and 'value="7"' in page.content.decode()


def test_it_exports_nothing_of_a_run_without_a_checkpoint(world: World, job: TrainingJob) -> None:
    job.checkpoints.all().delete()
    page = world.client("member").get(reverse("export_new", args=[world.project.pk, job.pk])).content.decode()
    assert "No checkpoint is on the disk" in page


def test_only_listed_files_are_opened_and_only_for_members(world: World, job: TrainingJob) -> None:
    ask(world, job)
    export = Export.objects.get()
    export.folder.mkdir()
    (export.folder / "README.md").write_text("# A card")
    (export.folder / "stray.txt").write_text("not of the export")
    export.result = {"files": [{"name": "README.md", "bytes": 8, "sha256": "ab" * 32}], "bytes": 8, "replay": None}
    export.save(update_fields=["result"])

    def get(role: str, name: str) -> HttpResponse:
        return world.client(role).get(reverse("export_file", args=[world.project.pk, export.pk, name]))

    answer = get("member", "README.md")
    assert (b"".join(answer), answer["Content-Length"]) == (b"# A card", "8")
    assert get("member", "stray.txt").status_code == get("member", "..").status_code == 404
    assert get("reader", "README.md").status_code == 403
    assert "no row was asked again" in world.client().get(export.get_absolute_url()).content.decode()


def test_the_card_tells_what_an_evaluation_concluded(world: World, job: TrainingJob) -> None:
    from eval_app.models import Evaluation, System
    from training_jobs.exporting import card

    run = world.run(kind="evaluate", status="succeeded")
    evaluation = Evaluation.objects.create(
        project=world.project, run=run, name="e", split=job.split, created_by=User.objects.get(username="owner"),
        results={"n": 40, "verdict": {"word": "better", "sentence": "Right in 24 more rows."}},
    )  # fmt: skip
    checkpoint = job.checkpoints.get()
    System.objects.create(
        evaluation=evaluation, key="tuned", name="t", base_model=world.base_model, checkpoint=checkpoint
    )
    assert card(job, checkpoint)["verdicts"] == ["Right in 24 more rows. (40 test rows)"]
