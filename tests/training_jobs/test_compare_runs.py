"""Two runs side by side: the differences, or everything."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from projects_app.models import Membership, Project, Role
from tests.world import World


def compare(world: World, role: str = "reader", **query: Any) -> Any:
    return world.client(role).get(reverse("compare_runs", args=[world.project.pk]), query)


def test_it_shows_only_what_differs_and_everything_when_asked(world: World) -> None:
    first, second = world.job("first"), world.job("second")
    second.split = first.split
    second.spec = {"training": {"weight_decay": 0.25}, "adapter_options": {"lora_rank": 4}}
    second.save()
    page = compare(world, a=first.pk, b=second.pk).content.decode()
    assert "2 of " in page and "settings differ" in page
    assert "<strong>0.25</strong>" in page and "<td>16</td><td><strong>4</strong></td>" in page
    assert "Warm-up" not in page
    everything = compare(world, a=first.pk, b=second.pk, all="1").content.decode()
    assert "Warm-up" in everything and "LoRA dropout" in everything


def test_it_marks_a_setting_that_one_run_does_not_have(world: World) -> None:
    first, second = world.job("first"), world.job("second")
    second.adapter, second.method = "ia3", "dpo"
    second.save()
    page = compare(world, a=first.pk, b=second.pk).content.decode()
    assert "<td>16</td><td><strong>–</strong></td>" in page
    assert "Preference tuning (DPO)" in page and "Beta" in page


def test_it_says_when_nothing_differs(world: World) -> None:
    job = world.job()
    assert "the same settings" in compare(world, a=job.pk, b=job.pk).content.decode()


def test_it_finds_no_run_of_another_project_and_no_nonsense(world: World) -> None:
    job = world.job()
    other = Project.objects.create(name="Other", purpose="x", created_by=world.member)
    Membership.objects.create(project=other, user=world.member, role=Role.OWNER)
    elsewhere = world.client("member").get(reverse("compare_runs", args=[other.pk]), {"a": job.pk, "b": job.pk})
    assert elsewhere.status_code == 404
    for odd in ("", "x", "9" * 40, "999999", "-1"):
        assert compare(world, a=job.pk, b=odd).status_code == 404
    assert compare(world, "stranger", a=job.pk, b=job.pk).status_code == 404


def test_it_offers_the_choice_beside_the_table_of_runs(world: World) -> None:
    train = reverse("train", args=[world.project.pk])
    world.job("alone")
    assert "compare" not in world.client().get(train).content.decode()
    world.job("other")
    page = world.client("reader").get(train).content.decode()
    assert f'action="{reverse("compare_runs", args=[world.project.pk])}"' in page


def test_it_keeps_hostile_text_inert(world: World) -> None:
    job = world.job("<script>alert(1)</script>")
    job.spec = {"data": {"system_prompt": "<img src=x onerror=alert(2)>"}}
    job.save()
    page = compare(world, a=job.pk, b=world.job("b").pk).content.decode()
    assert "<script>alert" not in page and "<img src=x" not in page and "&lt;img src=x" in page
