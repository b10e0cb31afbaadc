"""Making a project, changing it, and deciding who may see it."""

from __future__ import annotations

import pytest

from projects_app.models import Membership, Project
from tests.world import World

pytestmark = pytest.mark.django_db


def test_whoever_makes_a_project_owns_it(world: World) -> None:
    fields = {"name": "Intents", "purpose": "Name the intent.", "task_type": "classification", "system_prompt": ""}
    answer = world.client("stranger").post("/projects/new/", fields)
    project = Project.objects.get(name="Intents")
    assert answer.url == f"/projects/{project.pk}/data/"
    assert project.role_of(world.stranger) == "owner"


def test_a_form_keeps_what_was_typed_and_says_what_is_missing(world: World) -> None:
    page = world.client().post("/projects/new/", {"name": "", "purpose": "Name the intent."}).content.decode()
    assert "This field is required" in page
    assert "Name the intent." in page


def test_hostile_names_are_shown_as_text(world: World) -> None:
    Project.objects.filter(pk=world.project.pk).update(name="<script>alert(1)</script>", purpose="{{ 7|add:7 }}")
    page = world.client().get(f"/projects/{world.project.pk}/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "{{ 7|add:7 }}" in page


def test_settings_save_only_their_own_fields(world: World) -> None:
    fields = {"name": "New", "purpose": "p", "task_type": "text", "system_prompt": "s", "is_sample": "on"}
    world.client("member").post(f"/projects/{world.project.pk}/settings/", fields)
    world.project.refresh_from_db()
    assert (world.project.name, world.project.task_type, world.project.is_sample) == ("New", "text", False)


def test_an_owner_adds_and_removes_people(world: World) -> None:
    url = f"/projects/{world.project.pk}/settings/people/"
    world.client().post(url, {"username": "stranger", "role": "reader"})
    assert world.project.role_of(world.stranger) == "reader"
    world.client().post(f"{url}remove/", {"username": "stranger"})
    assert world.project.role_of(world.stranger) is None


def test_a_project_keeps_an_owner(world: World) -> None:
    url = f"/projects/{world.project.pk}/settings/people/"
    world.client().post(f"{url}remove/", {"username": "owner"})
    world.client().post(url, {"username": "owner", "role": "reader"})
    assert Membership.objects.get(project=world.project, user=world.owner).role == "owner"


def test_adding_somebody_unknown_says_so(world: World) -> None:
    page = world.client().post(
        f"/projects/{world.project.pk}/settings/people/", {"username": "nobody", "role": "reader"}
    )
    assert "Nobody here has this name" in page.content.decode()
