"""Plans: runs that wait for one another, through restarts, failures and reviews."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import reverse

from datasets_app.launching import start_split
from datasets_app.models import Split
from drafts_app.models import DraftBatch
from models_app.models import BaseModel
from projects_app.models import Membership
from runs_app.models import Run, Status
from runs_app.tasks import reap
from tests.datasets_app.cast import audited
from tests.drafts_app.cast import endpoint_of
from tests.engine.teachers.openai_server import OpenAI, serving
from tests.training_jobs.cast import ROWS, add_audit
from tests.world import World, run_to_end, save_adapter, ticket_rows, write_jsonl
from training_jobs import plans
from training_jobs.models import Checkpoint, TrainingJob
from training_jobs.plan_models import Plan, PlanState

pytestmark = pytest.mark.django_db
TWO = {
    "name": "Lamps", "text_adapter": "lora", "chat_adapter": "lora", "text_learning_rate": "1e-3",
    "text_max_steps": "2", "chat_max_steps": "2",
}  # fmt: skip


def start(world: World, kind: str, role: str = "member", **sent: str) -> HttpResponse:
    return world.client(role).post(reverse("plan_new", args=[world.project.pk, kind]), sent)


def two_stage(world: World, **changed: str) -> Plan:
    text, chat = world.split(make=ROWS["text"]), world.split()
    add_audit(world, text, None, text=26)
    add_audit(world, chat, None, messages=26)
    sent = {**TWO, "base_model": str(world.base_model.pk), "text_split": str(text.pk), "chat_split": str(chat.pk)}
    answer = start(world, "two_stage", **sent | changed)
    assert answer.status_code == 302, errors_of(answer)
    return Plan.objects.get()


def errors_of(answer: HttpResponse) -> Any:
    return answer.context["form"].errors  # type: ignore[attr-defined]


def press(world: World, plan: Plan, verb: str) -> Plan:
    assert world.client("member").post(reverse(f"plan_{verb}", args=[world.project.pk, plan.pk])).status_code == 302
    plan.refresh_from_db()
    return plan


def page_of(world: World, plan: Plan) -> str:
    return str(world.client("reader").get(plan.get_absolute_url()).content.decode())


def pretend_trained(world: World, job: TrainingJob) -> None:
    """The run ended well and left a real adapter: what a training leaves, without its minute."""
    save_adapter(world.base_model.path, job.run.directory / "checkpoints" / "step-2")
    Checkpoint.objects.create(job=job, step=2, folder="checkpoints/step-2", is_final=True)
    Run.objects.filter(pk=job.run_id).update(status=Status.SUCCEEDED)


def test_the_second_run_starts_from_what_the_first_has_learned(world: World) -> None:
    plan = two_stage(world)
    first = TrainingJob.objects.get()
    assert (first.method, first.spec["training"]["max_steps"], first.run.status) == ("cpt", 2, Status.QUEUED)
    assert f"waits for run {first.run_id}" in page_of(world, plan)
    queue = world.client("reader").get(reverse("queue")).content.decode()
    assert f"Waits for run {first.run_id}" in queue and "Waits for step 2" in queue
    assert "Waits for run" not in world.client("stranger").get(reverse("queue")).content.decode()
    assert (
        f"Plan {plan.pk} · Lamps"
        in world.client("reader").get(reverse("train", args=[world.project.pk])).content.decode()
    )

    for _ in range(3):
        plans.advance_all()
    assert Run.objects.filter(kind__in=("train", "export")).count() == 1, "nothing begins before the first has ended"

    pretend_trained(world, first)
    for _ in range(3):  # any number of beats, after any restart
        plans.advance_all()
    merge = Run.objects.get(kind="export")
    run_to_end(merge)
    assert merge.export.form == "merged" and merge.export.checkpoint.job == first
    for _ in range(3):
        plans.advance_all()
    second = TrainingJob.objects.exclude(pk=first.pk).get()
    merged = BaseModel.objects.exclude(pk=world.base_model.pk).get()
    assert (second.method, second.base_model) == ("sft", merged)
    spec = json.loads((second.run.directory / "spec.json").read_text())
    assert spec["model"]["path"] == str(merged.path) and (merged.path / "model.safetensors").is_file()
    assert spec["training"]["max_steps"] == 2 and spec["data"]["train"] == str(second.split.file("train"))

    pretend_trained(world, second)
    plans.advance_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.SUCCEEDED and plan.ended_at is not None


@pytest.mark.slow
def test_both_runs_train_for_real(world: World) -> None:
    plan = two_stage(world, text_adapter="full", text_learning_rate="1e-2")
    for _ in range(3):
        run_to_end(Run.objects.exclude(status__in=("succeeded", "failed")).get())
        plans.advance_all()
    plan.refresh_from_db()
    assert (plan.state, plan.reason_text) == (PlanState.SUCCEEDED, "")
    assert [job.run.status for job in TrainingJob.objects.all()] == [Status.SUCCEEDED] * 2
    first, second = TrainingJob.objects.order_by("pk")
    record = json.loads((second.run.directory / "environment.json").read_text())
    assert record["model"]["name"] == second.base_model.name != first.base_model.name


def test_a_failed_run_ends_the_plan_with_its_reason_and_it_goes_on_from_there(world: World) -> None:
    plan = two_stage(world)
    run = TrainingJob.objects.get().run
    Run.objects.filter(pk=run.pk).update(
        status=Status.FAILED, reason="OutOfMemory", reason_text="It needs 9 GB.", remedy="Use a smaller batch."
    )
    plans.advance_all()
    plan.refresh_from_db()
    assert (plan.state, plan.failed_run) == (PlanState.FAILED, run)
    page = page_of(world, plan)
    assert "It needs 9 GB." in page and "Use a smaller batch." in page and "not begun" in page
    plans.advance_all()
    assert not Run.objects.filter(kind="export").exists()

    plan = press(world, plan, "go_on")
    run.refresh_from_db()
    assert (plan.state, run.status, plan.reason_text) == (PlanState.GOING, Status.QUEUED, "")
    pretend_trained(world, TrainingJob.objects.get())
    plans.advance_all()
    assert Run.objects.get(kind="export").status == Status.QUEUED


def test_a_run_that_somebody_retries_takes_its_plan_along(world: World) -> None:
    plan = two_stage(world)
    run = TrainingJob.objects.get().run
    Run.objects.filter(pk=run.pk).update(status=Status.CANCELLED)
    plans.advance_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.FAILED and "was stopped" in plan.reason_text
    world.client("member").post(reverse("run_retry", args=[world.project.pk, run.pk]))
    plans.advance_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.GOING


def test_a_step_that_cannot_begin_says_why(world: World) -> None:
    plan = two_stage(world)
    job = TrainingJob.objects.get()
    Run.objects.filter(pk=job.run_id).update(status=Status.SUCCEEDED)
    plans.advance_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.FAILED and "has no checkpoint on the disk" in plan.reason_text
    pretend_trained(world, job)
    assert press(world, plan, "go_on").state == PlanState.GOING
    assert Run.objects.filter(kind="export").exists()


def test_nothing_begins_for_somebody_who_has_left(world: World) -> None:
    plan = two_stage(world)
    pretend_trained(world, TrainingJob.objects.get())
    Membership.objects.filter(user=world.member).delete()
    plans.advance_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.FAILED and "may not start runs here any more" in plan.reason_text


def test_a_stopped_plan_begins_nothing_more(world: World) -> None:
    plan = press(world, two_stage(world), "stop")
    run = TrainingJob.objects.get().run
    assert (plan.state, run.status) == (PlanState.CANCELLED, Status.CANCELLED)
    plans.advance_all()
    assert Run.objects.filter(kind__in=("train", "export")).count() == 1


def test_the_beat_of_the_queue_moves_plans(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs_app.dispatching.start_queued", lambda: 0)
    two_stage(world)
    pretend_trained(world, TrainingJob.objects.get())
    reap()
    assert Run.objects.get(kind="export").status == Status.QUEUED


def test_it_refuses_what_could_only_fail_later(world: World) -> None:
    text, chat = world.split(make=ROWS["text"]), world.split()
    add_audit(world, text, None, text=26)
    add_audit(world, chat, None, messages=26)
    sent = {**TWO, "base_model": str(world.base_model.pk), "text_split": str(chat.pk), "chat_split": str(text.pk)}
    answer = start(world, "two_stage", **sent)
    assert answer.status_code == 400
    assert "this data holds messages rows" in answer.content.decode()
    form = world.client("member").get(reverse("plan_new", args=[world.project.pk, "two_stage"])).content.decode()
    first = form[: form.index('name="chat_adapter"')]
    assert 'value="lora"' in first and 'value="prefix_tuning"' not in first, "it could not be merged"
    assert not Plan.objects.exists()


# ── a student learns a teacher's answers ──────────────────────────────────────────────────────────────────────
@pytest.fixture
def server(settings: Any) -> Iterator[OpenAI]:
    settings.ALLOW_PRIVATE_ENDPOINTS = True
    with ExitStack() as stack:
        yield stack.enter_context(serving(lambda served, body: f"The teacher says {len(served.asked)} of it."))


def split_of(world: World, folder: Path) -> Split:
    """A version with its audit and its split really done."""
    version = audited(world, write_jsonl(folder / "rows.jsonl", ticket_rows(90)), tokens=True)
    split = start_split(version, {"train": 0.6, "validation": 0.2, "test": 0.2}, 42, world.member)
    run_to_end(split.run)
    split.refresh_from_db()
    return split


def test_a_student_learns_what_a_person_accepted_of_a_teachers_answers(
    world: World, tmp_path: Path, server: OpenAI
) -> None:
    split = split_of(world, tmp_path)
    sent = {
        "name": "Small", "split": str(split.pk), "teacher": f"endpoint:{endpoint_of(world, server).pk}", "count": "34",
        "redact": "on", "instruction": "Be brief.", "base_model": str(world.base_model.pk), "student_adapter": "lora",
        "student_max_steps": "2",
    }  # fmt: skip
    assert start(world, "answers", **sent | {"count": "60"}).status_code == 400, "there are not so many training rows"
    itself = start(world, "answers", **sent | {"teacher": f"model:{world.base_model.pk}"})
    assert itself.status_code == 400 and "would learn from itself" in itself.content.decode()
    assert itself.content.decode().count('name="student_adapter"') == 1
    answer = start(world, "answers", **sent)
    assert answer.status_code == 302, errors_of(answer)
    plan, batch = Plan.objects.get(), DraftBatch.objects.get()
    run_to_end(batch.run)
    plans.advance_all()
    plan.refresh_from_db()
    assert plan.state == PlanState.NEEDS_YOU
    assert "34 to review" in page_of(world, plan) and "Needs you" in page_of(world, plan)
    assert "waits for your review" in world.client("member").get(reverse("home")).content.decode()
    assert "waits for your review" not in world.client("reader").get(reverse("home")).content.decode()
    held_out = {line for part in ("validation", "test") for line in split.file(part).read_text().splitlines()}
    prompts = {body["messages"][-1]["content"] for body in server.asked}
    assert len(prompts) == 34 and not [row for row in held_out if any(prompt in row for prompt in prompts)]

    plan = press(world, plan, "go_on")
    assert plan.state == PlanState.NEEDS_YOU, "nothing is trained on that nobody has accepted"
    for first in range(1, 34, 10):  # a person takes them page by page; the last one stays out
        rows = [str(number) for number in range(first, min(first + 10, 34))]
        url = reverse("draft_decide", args=[world.project.pk, batch.pk])
        world.client("member").post(url, {"decision": "accept", "row": rows})
    plan = press(world, plan, "go_on")
    assert plan.state == PlanState.GOING
    for _ in range(2):  # the audit of the new data set, its split
        run_to_end(Run.objects.filter(status=Status.QUEUED).get())
        plans.advance_all()
    plan.refresh_from_db()
    assert (plan.state, plan.reason_text) == (PlanState.GOING, "")
    job = TrainingJob.objects.get()
    version = job.split.version
    assert (job.method, job.base_model, job.run.status) == ("sft", world.base_model, Status.QUEUED)
    assert version.dataset != split.version.dataset and version.operation["added"] == {"synthetic": 33}
    rows_in = [json.loads(line) for line in version.path.read_text().splitlines()]
    assert len(rows_in) == 33 and {row["source"] for row in rows_in} == {"synthetic"}
    assert all("The teacher says" in json.dumps(row) for row in rows_in)
    assert job.split.rows("train") + job.split.rows("validation") == 33
    page = world.client("reader").get(version.get_absolute_url()).content.decode()
    assert "33 synthetic rows: Big answered prompts of" in page and "accepted by member" in page
