"""Every URL × method × role against one table. A URL that has no row here fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from datasets_app.models import Audit, Repair, Upload
from documents_app.models import Document
from drafts_app.models import DraftBatch, DraftRow
from eval_app.models import Evaluation, System
from eval_app.own_metric_models import OwnMetric
from models_app.models import Endpoint
from review_app.models import Decision, Review, Reviewer, ReviewItem
from runs_app.models import Run
from tests.world import ROLES, World
from training_jobs.export_models import Export
from training_jobs.models import Checkpoint, Preset, TrainingJob
from training_jobs.plan_models import Plan
from workbench import links

pytestmark = pytest.mark.django_db

METHODS = ("get", "post")
SIGN_IN = 302  # an anonymous browser is sent to the sign-in page


@dataclass(frozen=True)
class Row:
    """What each role gets, in the order anonymous, stranger, reader, member, owner."""

    get: tuple[int, int, int, int, int]
    post: tuple[int, int, int, int, int] = (SIGN_IN, 405, 405, 405, 405)
    args: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


ALL = (200,) * 5
PAGE = (SIGN_IN, 404, 200, 200, 200)
FOR_MEMBERS = (SIGN_IN, 404, 403, 200, 200)
READ = (SIGN_IN, 404, 302, 302, 302)
WRITE = (SIGN_IN, 404, 403, 302, 302)
OWN = (SIGN_IN, 404, 403, 403, 302)
ANYBODY = (SIGN_IN, 200, 200, 200, 200)
NO_GET = (SIGN_IN, 405, 405, 405, 405)
# The version in the table has no finished audit, so there is no row and no group in it to edit.
EDIT_NOTHING = (SIGN_IN, 404, 403, 404, 404)

TABLE: dict[str, Row] = {
    "home": Row(ANYBODY),
    "healthz": Row(ALL, (405,) * 5),
    "sign_in": Row((200, 302, 302, 302, 302), (400, 302, 302, 302, 302)),
    "sign_in_by_link": Row((302,) * 5, (302,) * 5, ("token",)),
    "sign_out": Row(NO_GET, (SIGN_IN, 302, 302, 302, 302)),
    "account": Row(ANYBODY, (SIGN_IN, 400, 400, 400, 400)),
    "people": Row((SIGN_IN, 403, 403, 403, 403), (SIGN_IN, 403, 403, 403, 403)),
    "project_new": Row(ANYBODY, (SIGN_IN, 400, 400, 400, 400)),
    "project_sample": Row(NO_GET, (SIGN_IN, 302, 302, 302, 302)),
    "queue": Row(ANYBODY),
    "models": Row(ANYBODY),
    "project": Row(PAGE, args=("project",)),
    "project_settings": Row(PAGE, (SIGN_IN, 404, 403, 400, 400), ("project",)),
    "project_add_person": Row(NO_GET, (SIGN_IN, 404, 403, 403, 400), ("project",)),
    "project_remove_person": Row(NO_GET, OWN, ("project",)),
    "endpoints": Row(PAGE, (SIGN_IN, 404, 403, 403, 400), ("project",)),
    "endpoint_test": Row(NO_GET, WRITE, ("project", "endpoint")),
    "endpoint_delete": Row(NO_GET, OWN, ("project", "endpoint")),
    "run": Row(READ, args=("project", "run")),
    "run_state": Row(PAGE, args=("project", "run")),
    "run_events": Row(PAGE, args=("project", "run")),
    "run_log": Row(PAGE, args=("project", "run")),
    "run_log_download": Row(PAGE, args=("project", "run")),
    "run_stop": Row(NO_GET, WRITE, ("project", "run")),
    "run_retry": Row(NO_GET, WRITE, ("project", "run")),
    "data": Row(PAGE, args=("project",)),
    "uploads": Row(NO_GET, (SIGN_IN, 404, 403, 412, 412), ("project",)),
    "upload": Row(NO_GET, NO_GET, ("project", "upload")),
    "upload_discard": Row(NO_GET, WRITE, ("project", "upload")),
    "version": Row(PAGE, args=("project", "version")),
    "version_audit": Row(NO_GET, WRITE, ("project", "version")),
    "version_document": Row((SIGN_IN, 404, 404, 404, 404), args=("project", "version")),
    "version_report": Row((SIGN_IN, 404, 404, 404, 404), args=("project", "version")),
    "version_unusable": Row((SIGN_IN, 404, 404, 404, 404), args=("project", "version", "form")),
    "version_findings_csv": Row((SIGN_IN, 404, 404, 404, 404), args=("project", "version")),
    "version_export_csv": Row(PAGE, args=("project", "version")),
    "version_download": Row(FOR_MEMBERS, args=("project", "version")),
    "version_export": Row(PAGE, args=("project", "version")),
    "version_export_download": Row(PAGE, args=("project", "version", "form")),
    "version_export_left_out": Row(PAGE, args=("project", "version", "form")),
    "version_mapping": Row((SIGN_IN, 404, 403, 200, 200), (SIGN_IN, 404, 403, 400, 400), ("project", "version")),
    "version_mix": Row((SIGN_IN, 404, 403, 200, 200), (SIGN_IN, 404, 403, 400, 400), ("project", "version")),
    "version_rows": Row(PAGE, args=("project", "version")),
    "row_mark": Row(NO_GET, (SIGN_IN, 404, 403, 404, 404), ("project", "version", "number")),
    "row_edit": Row(EDIT_NOTHING, EDIT_NOTHING, ("project", "version", "number")),
    "version_marks": Row(NO_GET, WRITE, ("project", "version")),
    "version_finding": Row(NO_GET, (SIGN_IN, 404, 403, 404, 404), ("project", "version", "code")),
    "version_groups": Row(EDIT_NOTHING, EDIT_NOTHING, ("project", "version", "code")),
    "version_basket": Row((SIGN_IN, 404, 403, 200, 200), WRITE, ("project", "version")),
    "version_current": Row(NO_GET, WRITE, ("project", "version")),
    "version_repair": Row((SIGN_IN, 404, 403, 200, 200), (SIGN_IN, 404, 403, 400, 400), ("project", "version")),
    "version_split": Row((SIGN_IN, 404, 403, 200, 200), (SIGN_IN, 404, 403, 400, 400), ("project", "version")),
    "repair": Row(PAGE, args=("project", "repair")),
    "split": Row(PAGE, args=("project", "split")),
    "split_download": Row(FOR_MEMBERS, args=("project", "split", "part")),
    "documents": Row(PAGE, (SIGN_IN, 404, 403, 400, 400), ("project",)),
    "document": Row(PAGE, args=("project", "document")),
    # The first who may deletes it, and the owner finds it gone.
    "document_delete": Row(NO_GET, (SIGN_IN, 404, 403, 302, 404), ("project", "document")),
    "draft_new": Row((SIGN_IN, 404, 403, 200, 200), (SIGN_IN, 404, 403, 400, 400), ("project", "version")),
    "draft": Row(PAGE, args=("project", "batch")),
    "draft_progress": Row(PAGE, args=("project", "batch")),
    "draft_decide": Row(NO_GET, WRITE, ("project", "batch"), {"decision": "accept"}),
    "draft_add": Row(NO_GET, WRITE, ("project", "batch")),
    "draft_edit": Row((SIGN_IN, 404, 403, 200, 200), WRITE, ("project", "batch", "draft")),
    "train": Row(PAGE, args=("project",)),
    "launch": Row((SIGN_IN, 404, 403, 200, 200), (SIGN_IN, 404, 403, 400, 400), ("project",)),
    "launch_preview": Row(NO_GET, (SIGN_IN, 404, 403, 200, 200), ("project",)),
    "presets": Row(PAGE, (SIGN_IN, 404, 403, 400, 400), ("project",)),
    "preset_save": Row(NO_GET, (SIGN_IN, 404, 403, 400, 400), ("project",)),
    "preset_copy": Row(NO_GET, WRITE, ("project", "preset")),
    # The first who may deletes it, and the owner finds it gone.
    "preset_delete": Row(NO_GET, (SIGN_IN, 404, 403, 302, 404), ("project", "preset")),
    "preset_yaml": Row(PAGE, args=("project", "preset")),
    # The run of the table was not launched from the form: its specification is not whole, and the page says so.
    "training_yaml": Row(READ, args=("project", "job")),
    "training_script": Row(READ, args=("project", "job")),
    "prices": Row((SIGN_IN, 404, 403, 200, 200), (SIGN_IN, 404, 403, 400, 400), ("project",)),
    "learning_curve": Row(PAGE, args=("project", "version")),
    "training_job": Row(PAGE, args=("project", "job")),
    "training_record": Row((SIGN_IN, 404, 404, 404, 404), args=("project", "job")),
    "export_new": Row((SIGN_IN, 404, 403, 200, 200), (SIGN_IN, 404, 403, 400, 400), ("project", "job")),
    "export": Row(PAGE, args=("project", "export")),
    "export_register": Row(NO_GET, WRITE, ("project", "export")),
    "export_delete": Row(NO_GET, WRITE, ("project", "export")),
    # The export in the table has not been made yet, so there is no file of it.
    "export_download": Row((SIGN_IN, 404, 403, 404, 404), args=("project", "export")),
    "export_file": Row((SIGN_IN, 404, 403, 404, 404), args=("project", "export", "file")),
    "plan_new": Row((SIGN_IN, 404, 403, 200, 200), (SIGN_IN, 404, 403, 400, 400), ("project", "kind")),
    "plan": Row(PAGE, args=("project", "plan")),
    "plan_go_on": Row(NO_GET, WRITE, ("project", "plan")),
    "plan_stop": Row(NO_GET, WRITE, ("project", "plan")),
    # Without two runs in its query there is nothing to compare.
    "compare_runs": Row((SIGN_IN, 404, 404, 404, 404), args=("project",)),
    "evaluate": Row(PAGE, args=("project",)),
    "evaluation_new": Row((SIGN_IN, 404, 403, 200, 200), (SIGN_IN, 404, 403, 400, 400), ("project",)),
    "evaluation_preview": Row(NO_GET, (SIGN_IN, 404, 403, 200, 200), ("project",)),
    "evaluation_start": Row(NO_GET, WRITE, ("project",)),
    "gates": Row(PAGE, (SIGN_IN, 404, 403, 400, 400), ("project",)),
    "own_metrics": Row(PAGE, (SIGN_IN, 404, 403, 400, 400), ("project",)),
    "own_metric_try": Row(NO_GET, (SIGN_IN, 404, 403, 200, 200), ("project",)),
    "own_metric": Row(PAGE, (SIGN_IN, 404, 403, 400, 400), ("project", "metric")),
    # The first who may deletes it, and the owner finds it gone.
    "own_metric_delete": Row(NO_GET, (SIGN_IN, 404, 403, 302, 404), ("project", "metric")),
    "evaluation": Row(PAGE, args=("project", "evaluation")),
    "evaluation_decide": Row(NO_GET, WRITE, ("project", "evaluation")),
    # The evaluation of the table has no results: there is nothing to diagnose yet.
    "diagnosis": Row(READ, args=("project", "evaluation")),
    "diagnosis_relabel": Row(NO_GET, (SIGN_IN, 404, 403, 404, 404), ("project", "evaluation")),
    "compare": Row(READ, args=("project", "evaluation")),
    # The evaluation of the table has no results yet, so it has no rows; tests/eval_app has those of one that has.
    "compare_export": Row((SIGN_IN, 404, 404, 404, 404), args=("project", "evaluation", "form")),
    "compare_row": Row((SIGN_IN, 404, 404, 404, 404), args=("project", "evaluation", "number")),
    "row_note": Row(NO_GET, (SIGN_IN, 404, 403, 404, 404), ("project", "evaluation", "number")),
    "row_note_remove": Row(NO_GET, (SIGN_IN, 404, 403, 404, 404), ("project", "evaluation", "number", "number")),
    "row_tag": Row(NO_GET, (SIGN_IN, 404, 403, 404, 404), ("project", "evaluation", "number")),
    "evaluation_download": Row((SIGN_IN, 404, 404, 404, 404), args=("project", "evaluation")),
    "reviews": Row(PAGE, args=("project",)),
    "review_new": Row(FOR_MEMBERS, (SIGN_IN, 404, 403, 400, 400), ("project", "evaluation")),
    "review": Row(PAGE, args=("project", "review")),
    # Members review; the member of the table was asked to, its owner was not.
    "review_item": Row(
        (SIGN_IN, 404, 403, 200, 403), (SIGN_IN, 404, 403, 302, 403), ("project", "review", "number"), {"choice": "tie"}
    ),
    "review_finish": Row(NO_GET, (SIGN_IN, 404, 403, 302, 403), ("project", "review")),
    "review_close": Row(NO_GET, (SIGN_IN, 404, 403, 403, 302), ("project", "review")),
    # Interim results are for those who are done, and for owners.
    "review_results": Row((SIGN_IN, 404, 403, 403, 200), (SIGN_IN, 404, 403, 302, 302), ("project", "review")),
    "review_preferences": Row(NO_GET, WRITE, ("project", "review")),
}
# The stream answers for ever; its permissions are tested in tests/runs_app/test_stream.py.
ELSEWHERE = {"run_stream"}


def test_every_url_has_a_row() -> None:
    named = {pattern.name for pattern in _patterns(get_resolver())}
    assert None not in named, "every URL has a name"
    assert named - ELSEWHERE == set(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_it_answers_each_role_as_the_table_says(world: World, objects: dict[str, Any], name: str) -> None:
    row = TABLE[name]
    url = reverse(name, args=[objects[arg] for arg in row.args])
    found = {}
    for method in METHODS:
        answers = []
        for role in ROLES:
            response = getattr(world.client(role), method)(url, row.data if method == "post" else {})
            answers.append(response.status_code)
            if role == "anonymous" and response.status_code == SIGN_IN and name != "sign_in_by_link":
                assert response.url.startswith("/sign-in/"), "the way in is the sign-in page"
        found[method] = tuple(answers)
    assert found == {"get": row.get, "post": row.post}, f"{url}, in the order {ROLES}"


@pytest.fixture
def objects(world: World) -> dict[str, Any]:
    """One of each thing a URL names."""
    split = world.split()
    run = Run.objects.create(project=world.project, kind="train", title="one", created_by=world.owner)
    job = TrainingJob.objects.create(
        project=world.project, run=run, name="one", split=split, base_model=world.base_model, method="sft",
        adapter="lora", spec={}, created_by=world.owner,
    )  # fmt: skip
    export = Export.objects.create(
        job=job, run=Run.objects.create(project=world.project, kind="export", title="one", created_by=world.owner),
        checkpoint=Checkpoint.objects.create(job=job, step=1, folder="checkpoints/step-1"), form="merged",
        precision="as base", created_by=world.owner,
    )  # fmt: skip
    evaluation = Evaluation.objects.create(
        project=world.project,
        run=Run.objects.create(project=world.project, kind="evaluate", title="one", created_by=world.owner),
        name="one",
        split=split,
        created_by=world.owner,
    )
    System.objects.create(evaluation=evaluation, key="base", name="Base", is_baseline=True, base_model=world.base_model)
    review = Review.objects.create(
        project=world.project, evaluation=evaluation, systems=["base", "other"], created_by=world.owner
    )
    reviewer = Reviewer.objects.create(review=review, user=world.member)
    for number in (1, 2):
        item = ReviewItem.objects.create(
            review=review, position=number, row_id=str(number), messages=[], texts={"base": "a", "other": "b"}
        )
        Decision.objects.create(reviewer=reviewer, item=item, number=number, order=["base", "other"])
    audit_run = Run.objects.create(project=world.project, kind="audit", title="one", created_by=world.owner)
    Audit.objects.create(version=split.version, run=audit_run)
    repair_run = Run.objects.create(project=world.project, kind="repair", title="one", created_by=world.owner)
    repair = Repair.objects.create(version=split.version, run=repair_run, operations=[])
    upload = Upload.objects.create(project=world.project, created_by=world.owner, filename="a.jsonl", size=10)
    endpoint = Endpoint.objects.create(
        project=world.project, name="one", base_url="https://nowhere.invalid/v1", model="m", created_by=world.owner
    )
    batch = DraftBatch.objects.create(
        version=split.version,
        run=Run.objects.create(project=world.project, kind="draft", title="one", created_by=world.owner),
        mode="more", teacher={"name": "Tiny"}, asked={"count": 1}, created_by=world.owner,
    )  # fmt: skip
    DraftRow.objects.create(batch=batch, number=1, row={"prompt": "Where is it?", "completion": "Here."})
    document = Document.objects.create(
        project=world.project, name="one.txt", size=4, words=1, sha256="0" * 64, created_by=world.owner
    )
    preset = Preset.objects.create(
        project=world.project, name="p", method="sft", adapter="lora", created_by=world.owner
    )
    return {
        "project": world.project.pk,
        "endpoint": endpoint.pk,
        "document": document.pk,
        "batch": batch.pk,
        "preset": preset.pk,
        "draft": 1,
        "run": run.pk,
        "job": job.pk,
        "version": split.version.pk,
        "split": split.pk,
        "repair": repair.pk,
        "part": "train",
        "form": "openai",
        "number": 1,
        "code": "near_duplicate",
        "upload": upload.key,
        "export": export.pk,
        "plan": Plan.objects.create(project=world.project, kind="two_stage", name="one", created_by=world.owner).pk,
        "kind": "two_stage",
        "file": "README.md",
        "evaluation": evaluation.pk,
        "metric": OwnMetric.objects.create(
            project=world.project, name="own_one", label="One", expression="true", created_by=world.owner
        ).pk,
        "review": review.pk,
        "token": links.make(world.owner),
    }


def _patterns(resolver: URLResolver) -> list[URLPattern]:
    found: list[URLPattern] = []
    for entry in resolver.url_patterns:
        found += _patterns(entry) if isinstance(entry, URLResolver) else [entry]
    return found
