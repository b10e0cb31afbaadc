"""Documents of a project: taken in, shown, refused with a reason, thrown away."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from documents_app import keeping
from documents_app.models import Document
from engine.data.documents import read_document, text_of_html
from engine.data.errors import DataError
from projects_app.models import Project
from tests.world import World

PAGE = """<html><head><title>Not shown</title><style>p { color: red }</style></head><body>
<h1>Refunds</h1><p>Five days,<br>no\nmore.</p><script>alert("x")</script><ul><li>One</li><li>Two &amp; three</li></ul>
<p>Broken <b>markup"""


def upload(client: Client, world: World, *files: tuple[str, bytes]) -> str:
    sent = {"files": [SimpleUploadedFile(name, content) for name, content in files]}
    return client.post(f"/projects/{world.project.pk}/documents/", sent, follow=True).content.decode()


@pytest.mark.django_db
def test_a_document_is_kept_under_a_name_that_nobody_chose(world: World) -> None:
    page = upload(world.client("member"), world, ("../../Hand <b>book.md", b"# Refunds\r\n\r\nFive days."))
    found = Document.objects.get()
    assert (found.name, found.words) == ("Hand <b>book.md", 4)
    assert found.text() == "# Refunds\n\nFive days.\n"
    assert found.path.name == f"{found.key}.txt" and found.path.parent.name == "documents"
    assert "Hand &lt;b&gt;book.md" in page and "<b>book" not in page
    shown = world.client("reader").get(found.get_absolute_url()).content.decode()
    assert "Five days." in shown


@pytest.mark.django_db
def test_a_bad_file_says_why_and_costs_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_BYTES", 100)
    page = upload(
        world.client("member"), world, ("a.txt", b"good"), ("b.pdf", b"%PDF"), ("c.txt", b"caf\xe9"), ("d.txt", b" \n"),
        ("e.txt", b"x" * 101), ("f.txt", b"a\x00b"), ("a.txt", b"again"),
    )  # fmt: skip
    assert list(Document.objects.values_list("name", flat=True)) == ["a.txt"]
    assert Document.objects.get().text() == "good\n"
    for words in ("b.pdf is not a text file", "c.txt is not UTF-8: byte 4", "d.txt holds no word", "e.txt is larger",
                  "f.txt holds NUL", "There is a document named a.txt already"):  # fmt: skip
        assert words in page
    assert len(list(Document.objects.get().path.parent.glob("*.part"))) == 0


@pytest.mark.django_db
def test_a_project_holds_so_much_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_DOCUMENTS", 1)
    page = upload(world.client("member"), world, ("a.txt", b"one"), ("b.txt", b"two"))
    assert Document.objects.count() == 1 and "b.txt does not fit" in page


@pytest.mark.django_db(transaction=True)
def test_deleting_takes_the_file_and_leaves_what_a_run_has(world: World, tmp_path: Path) -> None:
    upload(world.client("member"), world, ("a.txt", b"one"))
    found = Document.objects.get()
    kept = keeping.copy_for_run(found, tmp_path / "documents")
    assert keeping.copy_for_run(found, tmp_path / "documents") == kept
    path = found.path
    world.client("member").post(f"{found.get_absolute_url()}delete/")
    assert not Document.objects.exists() and not path.exists() and kept.read_text() == "one\n"
    page = world.client("reader").get(f"/projects/{world.project.pk}/documents/").content.decode()
    assert "No document yet" in page


@pytest.mark.django_db
def test_a_document_of_another_project_is_not_there(world: World) -> None:
    upload(world.client("member"), world, ("a.txt", b"one"))
    found = Document.objects.get()
    other = Project.objects.create(name="Other", purpose="x", created_by=world.owner)
    other.memberships.create(user=world.member, role="owner")
    client = world.client("member")
    assert client.get(f"/projects/{other.pk}/documents/{found.pk}/").status_code == 404
    assert client.post(f"/projects/{other.pk}/documents/{found.pk}/delete/").status_code == 404
    assert Document.objects.exists()


def test_a_page_is_read_as_it_is_shown() -> None:
    text = read_document("page.HTML", PAGE.encode())
    assert text == "Refunds\n\nFive days,\nno more.\n\nOne\n\nTwo & three\n\nBroken markup\n"
    assert text_of_html("<p>" * 20_000) == ""


def test_a_file_without_an_ending_is_refused() -> None:
    with pytest.raises(DataError, match="not a text file"):
        read_document("README", b"words")
