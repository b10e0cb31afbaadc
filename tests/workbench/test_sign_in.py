"""Signing in: by the one-time link, by password, and not at all."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from workbench import links
from workbench.models import SignInLink

pytestmark = pytest.mark.django_db
HOME, SIGN_IN = "/", "/sign-in/"


def test_the_link_signs_in_once(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("signin_link")
    path = capsys.readouterr().out.strip().removeprefix("http://127.0.0.1:8000")
    first, second = Client(), Client()
    assert first.get(path).url == HOME
    assert first.get(HOME).status_code == 200
    refused = second.get(path, follow=True)
    assert "was used already" in refused.content.decode()
    assert second.get(HOME).url.startswith(SIGN_IN)


def test_a_link_ends_after_a_day() -> None:
    user = User.objects.create_user("ann")
    token = links.make(user)
    SignInLink.objects.update(expires_at=1.0)
    assert links.use(token) is None


def test_a_link_is_kept_only_as_a_hash() -> None:
    token = links.make(User.objects.create_user("ann"))
    assert token not in str(list(SignInLink.objects.values()))


def test_the_owner_is_made_once_and_has_no_password() -> None:
    assert links.owner() == links.owner()
    assert not links.owner().has_usable_password()
    assert links.owner().is_superuser


def test_a_person_signs_in_with_a_password_they_set() -> None:
    person = User.objects.create_user("ann")
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    new = {"new_password1": "a long pass phrase", "new_password2": "a long pass phrase"}
    assert client.post("/account/", new).status_code == 302
    fresh = Client()
    answer = fresh.post(SIGN_IN, {"username": "ann", "password": "a long pass phrase", "next": "/queue/"})
    assert answer.url == "/queue/"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_it_goes_nowhere_else_after_signing_in(elsewhere: str) -> None:
    User.objects.create_user("ann", password="a long pass phrase")
    answer = Client().post(SIGN_IN, {"username": "ann", "password": "a long pass phrase", "next": elsewhere})
    assert answer.url == HOME


def test_guessing_is_stopped_after_ten_tries() -> None:
    User.objects.create_user("ann", password="a long pass phrase")
    client = Client()
    answers = [client.post(SIGN_IN, {"username": "ann", "password": f"guess {n}"}).status_code for n in range(11)]
    assert answers[0] == 400
    assert answers[-1] == 429
    assert client.post(SIGN_IN, {"username": "ann", "password": "a long pass phrase"}).status_code == 429


def test_an_administrator_adds_a_person_and_hands_on_a_link() -> None:
    client = Client()
    client.force_login(links.owner(), backend="django.contrib.auth.backends.ModelBackend")
    page = client.post("/people/", {"username": "bea"}).content.decode()
    path = page.split("http://testserver")[1].split("<")[0].strip()
    other = Client()
    assert other.get(path).url == HOME
    assert other.get("/people/").status_code == 403


def test_every_page_forbids_inline_script_and_other_hosts() -> None:
    policy = Client().get(SIGN_IN)["Content-Security-Policy"]
    script = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "unsafe-inline" not in script
    assert "http" not in policy
