"""The sample project: made by one click, with every planted fault found."""

from __future__ import annotations

from django.urls import reverse

from datasets_app.models import DatasetVersion, Repair
from engine import samples
from projects_app.models import Project
from tests.datasets_app.cast import page
from tests.world import World, run_to_end


def test_it_shows_the_planted_faults_and_the_leaked_row(world: World) -> None:
    answer = world.client("stranger").post(reverse("project_sample"))
    project = Project.objects.get(is_sample=True)
    assert project.role_of(world.stranger) == "owner"
    version = DatasetVersion.objects.get(dataset__project=project, dataset__name="tickets")
    assert answer["Location"] == version.get_absolute_url()
    assert version.audit is not None
    run_to_end(version.audit.run)
    assert version.audit is not None
    findings = {f["code"]: f for f in (version.audit.document or {})["findings"]}
    planted = samples.load("support_tickets").planted
    rows = planted["tickets.jsonl"]
    surplus = rows["exact_duplicate"]["surplus"]
    assert surplus > 0
    assert findings["exact_duplicate"]["surplus"] == surplus
    for code in ("malformed_json", "empty_answer", "empty_prompt", "pii_email"):
        assert findings[code]["lines"] == rows[code]
    leaks = [leak["train_line"] for leak in planted["tickets_test.jsonl"]["leak_identical"]]
    assert leaks
    assert findings["leak_identical"]["lines"] == leaks
    held_out = version.audit.against
    assert held_out is not None
    assert held_out.audit is not None  # queued once the audit somebody waits for had ended
    world.member = world.stranger  # who made the sample
    assert f"{surplus} surplus copies" in page(world, version)


def test_its_repair_looks_for_the_leak_again(world: World) -> None:
    client = world.client("stranger")
    client.post(reverse("project_sample"))
    version = DatasetVersion.objects.get(dataset__project__is_sample=True, dataset__name="tickets")
    assert version.audit is not None
    run_to_end(version.audit.run)
    client.post(reverse("version_repair", args=[version.dataset.project_id, version.pk]))
    repair = Repair.objects.get()
    run_to_end(repair.run)
    repair.refresh_from_db()
    assert repair.child is not None
    assert repair.child.audit is not None
    assert repair.child.audit.against == version.audit.against
