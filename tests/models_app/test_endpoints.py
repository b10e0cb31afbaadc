"""Endpoints of a project: adding, testing and deleting them, and the key that nobody reads again."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from models_app import endpoint_views, sealing
from models_app.models import Endpoint
from tests.engine.teachers.openai_server import KEY, failure, said, serving
from tests.world import World

pytestmark = pytest.mark.django_db
GOOD = {
    "name": "Big teacher", "base_url": "https://api.example.com/v1/", "model": "big-1", "key": KEY, "per_minute": "30",
    "timeout_s": "20", "price_in": "2.5", "price_out": "10",
}  # fmt: skip


def add(world: World, role: str = "owner", **more: str) -> Any:
    return world.client(role).post(reverse("endpoints", args=[world.project.pk]), {**GOOD, **more})


def test_it_saves_an_endpoint_and_never_shows_its_key_again(world: World) -> None:
    assert add(world).status_code == 302
    found = Endpoint.objects.get()
    assert (found.base_url, found.per_minute, found.key()) == ("https://api.example.com/v1", 30, KEY)
    page = world.client("owner").get(reverse("endpoints", args=[world.project.pk])).content.decode()
    assert f"ends in …{KEY[-4:]}" in page
    assert KEY not in page
    assert found.sealed_key not in page


def test_it_keeps_the_key_encrypted(world: World) -> None:
    add(world)
    with connection.cursor() as cursor:
        cursor.execute("select * from models_app_endpoint")
        stored = repr(cursor.fetchall())
    assert KEY not in stored
    assert KEY[:10] not in stored
    assert "key" not in str(Endpoint.objects.get().for_engine().keys() - {"has_key"}).replace("dict_keys", "")


def test_it_says_when_the_secret_key_has_changed(world: World, settings: Any) -> None:
    add(world)
    settings.SECRET_KEY = "another"
    with pytest.raises(sealing.Unreadable):
        Endpoint.objects.get().key()
    passed, said_ = endpoint_views.try_endpoint(Endpoint.objects.get())
    assert not passed
    assert "secret key of this workbench has changed" in said_


def test_it_does_not_tell_the_end_of_a_short_key(world: World) -> None:
    add(world, key="abcd1234")
    assert Endpoint.objects.get().key_end == ""


def test_it_repeats_no_key_in_a_form_with_errors(world: World) -> None:
    answer = add(world, base_url="nonsense")
    assert answer.status_code == 400
    assert KEY not in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("base_url", "ftp://api.example.com", "not an address"),
        ("base_url", "file:///etc/passwd", "not an address"),
        ("base_url", "https://", "not an address"),
        ("base_url", "https://[::1/v1", "not an address"),
        ("base_url", "https://user:pw@api.example.com/v1", "user name or password"),
        ("base_url", "https://api.example.com/v1?x=1", "Leave out"),
        ("base_url", "http://api.example.com/v1", "unencrypted"),
        ("key", "sk a b", "no blanks"),
        ("price_in", "-1", "below zero"),
        ("price_out", "", "both prices or none"),
    ],
)
def test_it_refuses_what_cannot_be_an_endpoint(world: World, field: str, value: str, word: str) -> None:
    answer = add(world, **{field: value})
    assert answer.status_code == 400
    assert word in answer.content.decode()
    assert not Endpoint.objects.exists()


def test_it_takes_each_name_once(world: World) -> None:
    add(world)
    assert "has an endpoint of this name" in add(world).content.decode()


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (said("Yes"), "It answered in"),
        (failure(401, f"no such key {KEY}"), "refuses the key (401)"),
        (failure(404, "unknown model"), "no model &#x27;big-1&#x27; (404)"),
        (failure(429, "slow down"), "asks for a pause (429"),
        (failure(500, "oh"), "answers 500"),
        ((200, {}, b"<html>"), "not JSON in the form"),
        ((302, {"Location": "http://127.0.0.1/"}, b""), "redirects are not followed"),
    ],
)
def test_it_says_what_came_of_a_test(world: World, settings: Any, answer: Any, word: str) -> None:
    settings.ALLOW_PRIVATE_ENDPOINTS = True
    with serving(lambda server, body: answer) as server:
        add(world, base_url=server.url)
        found = Endpoint.objects.get()
        client = world.client("member")
        page = client.post(reverse("endpoint_test", args=[world.project.pk, found.pk]), follow=True).content.decode()
    assert word in page
    assert KEY not in page
    assert server.keys == [f"Bearer {KEY}"]
    assert server.asked[0]["max_tokens"] == 1


def test_it_asks_no_inner_address_unless_the_administrator_allows_it(world: World) -> None:
    with serving(lambda server, body: "yes") as server:
        endpoint = Endpoint.objects.create(
            project=world.project, name="in", base_url=server.url, model="m", created_by=world.owner
        )
        passed, text = endpoint_views.try_endpoint(endpoint)
    assert not passed
    assert "this machine itself" in text
    assert "WORKBENCH_ALLOW_PRIVATE_ENDPOINTS" in text
    assert server.asked == []


def test_it_deletes_the_key_with_the_endpoint(world: World) -> None:
    add(world)
    url = reverse("endpoint_delete", args=[world.project.pk, Endpoint.objects.get().pk])
    assert world.client("member").post(url).status_code == 403
    assert world.client("owner").post(url).status_code == 302
    assert not Endpoint.objects.exists()
