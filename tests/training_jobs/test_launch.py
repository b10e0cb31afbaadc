"""The launch form: what it suggests, what it refuses and keeps, and what it puts into the queue."""

from __future__ import annotations

import json

import pytest

from engine.training.spec import TrainingSpec
from projects_app.models import Membership, Project, Role
from runs_app.models import Run, Status
from tests.training_jobs.cast import LENGTHS, add_audit, form_values, launch_url
from tests.world import World
from training_jobs.models import TrainingJob


def test_it_starts_what_it_suggests_in_one_click(world: World) -> None:
    split = world.split()
    client = world.client("member")
    sent = form_values(client.get(launch_url(world)))
    response = client.post(launch_url(world), sent)

    job = TrainingJob.objects.get()
    assert response.status_code == 302
    assert response["Location"] == job.run.get_absolute_url()
    assert (job.split, job.base_model, job.method, job.adapter) == (split, world.base_model, "sft", "lora")
    assert (job.run.status, job.run.kind, job.run.exclusive) == (Status.QUEUED, "train", True)
    assert job.run.title == f"{split.version} · LoRA"
    document = json.loads((job.run.directory / "spec.json").read_text())
    assert document == job.spec
    spec = TrainingSpec.from_json(document)
    assert spec.data.train == str(split.file("train"))
    assert spec.data.validation == str(split.file("validation"))
    assert spec.data.system_prompt == world.project.system_prompt
    assert spec.model.path == str(world.base_model.path)


def test_it_takes_typed_settings_into_the_spec(world: World) -> None:
    world.split()
    client = world.client()
    sent = form_values(client.get(launch_url(world)))
    sent |= {
        "name": "fast one",
        "learning_rate": "1e-3",
        "run_length": "steps",
        "max_steps": "7",
        "adapter__lora_rank": "4",
        "seed": "9",
    }
    sent.pop("keep_best")  # a box that is not ticked is not sent
    client.post(launch_url(world), sent)

    spec = TrainingSpec.from_json(TrainingJob.objects.get().spec)
    assert (spec.training.learning_rate, spec.training.max_steps, spec.training.seed) == (0.001, 7, 9)
    assert spec.training.keep_best is False
    assert spec.adapter_options.lora_rank == 4


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("learning_rate", "fast", "Give a number."),
        ("learning_rate", "-1", "Give a value from 1e-08 to 1."),
        ("learning_rate", "nan", "Give a value from"),
        ("cutoff_len", "12.5", "Give a whole number."),
        ("cutoff_len", "9" * 5000, "too long"),
        ("num_train_epochs", "", "Empty."),
        ("lr_scheduler_type", "wobbly", "Choose one of"),
        ("adapter__target_modules", "q_proj; rm -rf /", "is no layer name"),
        ("adapter__target_modules", "no_such_layer", "It has: "),
        ("name", " ", "This field is required."),
        ("split", "999999", "not there, or not ready"),
        ("base_model", "../../etc", "not registered here"),
        ("adapter", "qqlora", "Select a valid choice"),
    ],
)
def test_it_says_what_is_wrong_beside_the_field_and_keeps_what_was_typed(
    world: World, field: str, typed: str, says: str
) -> None:
    world.split()
    client = world.client()
    sent = form_values(client.get(launch_url(world))) | {"weight_decay": "0.125", field: typed}
    response = client.post(launch_url(world), sent)

    assert response.status_code == 400
    page = response.content.decode()
    assert f'id="id_{field}_error"' in page
    assert says in page.split(f'id="id_{field}_error"')[1].split("</div>")[0].replace("&#x27;", "'")
    again = form_values(response)
    assert again["weight_decay"] == "0.125"
    if field not in ("split", "base_model", "adapter", "lr_scheduler_type"):
        assert again[field].strip() == typed.strip()
    assert not Run.objects.filter(kind="train").exists()


def test_it_shows_every_mistake_at_once(world: World) -> None:
    world.split()
    client = world.client()
    sent = form_values(client.get(launch_url(world))) | {"learning_rate": "x", "seed": "y", "name": ""}
    page = client.post(launch_url(world), sent).content.decode()
    for field in ("learning_rate", "seed", "name"):
        assert f'id="id_{field}_error"' in page


def test_it_suggests_a_cutoff_that_holds_the_rows_and_the_system_prompt(world: World) -> None:
    add_audit(world, world.split(), LENGTHS)
    without = int(form_values(world.client().get(launch_url(world)))["cutoff_len"])
    world.project.system_prompt = "word " * 200
    world.project.save(update_fields=["system_prompt"])
    with_prompt = int(form_values(world.client().get(launch_url(world)))["cutoff_len"])
    assert 300 <= without < 2048
    assert with_prompt >= without + 250


def test_it_lets_untouched_settings_follow_another_adapter_and_asks_to_look_before_it_starts(world: World) -> None:
    world.split()
    client = world.client()
    first = form_values(client.get(launch_url(world)))
    response = client.post(launch_url(world), first | {"adapter": "full", "weight_decay": "0.5"})

    assert response.status_code == 200
    assert not TrainingJob.objects.exists()
    second = form_values(response)
    assert float(second["learning_rate"]) < float(first["learning_rate"])
    assert second["weight_decay"] == "0.5"
    assert "adapter__lora_rank" not in second
    client.post(launch_url(world), second)
    job = TrainingJob.objects.get()
    assert (job.adapter, job.spec["training"]["weight_decay"]) == ("full", 0.5)


def test_it_keeps_a_learning_rate_somebody_typed_when_the_adapter_changes(world: World) -> None:
    world.split()
    client = world.client()
    sent = form_values(client.get(launch_url(world))) | {"adapter": "full", "learning_rate": "0.0007"}
    assert form_values(client.post(launch_url(world), sent))["learning_rate"] == "0.0007"


def test_it_preselects_the_split_it_is_sent_to_with(world: World) -> None:
    older, newer = world.split(), world.split(train=20)
    page = world.client().get(launch_url(world), {"split": older.pk})
    assert form_values(page)["split"] == str(older.pk)
    assert form_values(world.client().get(launch_url(world)))["split"] == str(newer.pk)


def test_it_begins_like_an_earlier_run(world: World) -> None:
    world.split()
    client = world.client()
    sent = form_values(client.get(launch_url(world))) | {"name": "first", "learning_rate": "0.003"}
    client.post(launch_url(world), sent)
    page = client.get(launch_url(world), {"from": TrainingJob.objects.get().pk})
    again = form_values(page)
    assert (again["name"], again["learning_rate"]) == ("first", "0.003")
    assert "1 setting differs from the defaults" in page.content.decode()


def test_it_offers_no_split_that_is_not_ready_and_says_what_to_do(world: World) -> None:
    split = world.split()
    split.result = None
    split.save(update_fields=["result"])
    page = world.client().get(launch_url(world)).content.decode()
    assert "No split is ready" in page
    assert 'id="launch"' not in page


def test_it_takes_no_split_of_another_project(world: World) -> None:
    world.split()
    sent = form_values(world.client().get(launch_url(world)))
    other = Project.objects.create(name="Other", purpose="x", created_by=world.member)
    Membership.objects.create(project=other, user=world.member, role=Role.OWNER)
    response = world.client("member").post(launch_url(world).replace(f"/{world.project.pk}/", f"/{other.pk}/", 1), sent)
    assert response.status_code == 400
    assert not TrainingJob.objects.exists()


@pytest.mark.parametrize(("role", "status"), [("stranger", 404), ("reader", 403), ("member", 302), ("owner", 302)])
def test_it_lets_members_start_runs(world: World, role: str, status: int) -> None:
    world.split()
    sent = form_values(world.client().get(launch_url(world)))
    assert world.client(role).post(launch_url(world), sent).status_code == status
    assert TrainingJob.objects.count() == (1 if status == 302 else 0)


def test_it_sends_the_signed_out_to_sign_in(world: World) -> None:
    assert "/sign-in/" in world.client("anonymous").get(launch_url(world))["Location"]
