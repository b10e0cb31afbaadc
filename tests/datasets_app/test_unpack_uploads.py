"""A packed file that takes long to open becomes a version by a run, and nothing is lost whoever is killed."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest
from django.urls import reverse

from datasets_app import opening
from datasets_app.models import DatasetVersion, Upload
from runs_app.models import Run, Status, Wanted
from tests.datasets_app.cast import TUS, ask, begin, send, without_model
from tests.world import World, run_to_end

ROWS = [{"text": f"Where is card {number}?", "category": "card_arrival"} for number in range(400)]
LINES = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in ROWS).encode()
TABLE = b"text,category\n" + b"".join(f"{row['text']},{row['category']}\n".encode() for row in ROWS)


@pytest.fixture(autouse=True)
def _nothing_opens_at_once(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    without_model(world)
    monkeypatch.setattr(opening, "AT_ONCE_BYTES", 100)


def _send(world: World, body: bytes, name: str) -> Upload:
    client = world.client("member")
    url = begin(client, world.project.pk, size=len(body), filename=name)["Location"]
    answer = send(client, url, 0, body)
    assert answer.status_code == 204, answer.content
    assert answer["X-Upload-Next"] == reverse("data", args=[world.project.pk])
    assert int(answer["Upload-Offset"]) == len(body)
    return Upload.objects.get()


def _run(upload: Upload) -> Run:
    assert upload.run is not None
    return run_to_end(upload.run)


def _page(world: World) -> str:
    return world.client("member").get(reverse("data", args=[world.project.pk])).content.decode()


@pytest.mark.parametrize(
    ("name", "body"),
    [("cards.csv", TABLE), ("cards.csv.gz", gzip.compress(TABLE)), ("cards.jsonl.gz", gzip.compress(LINES))],
)
def test_it_becomes_the_version_that_opening_at_once_would_have_made(world: World, name: str, body: bytes) -> None:
    upload = _send(world, body, name)
    assert f"Unpacking {name}" in _page(world)
    assert upload.path.read_bytes() == body
    run = _run(upload)
    assert run.status == Status.SUCCEEDED, run.reason_text
    version = DatasetVersion.objects.get()
    assert version.path.read_bytes() == LINES
    assert (version.filename, version.size, version.created_by) == ("cards.jsonl", len(LINES), world.member)
    assert (version.operation["name"], version.operation["bytes"]) == (name, len(body))
    assert version.operation["sha256"] == hashlib.sha256(body).hexdigest()
    assert version.audit is not None
    assert run_to_end(version.audit.run).status == Status.SUCCEEDED
    assert not (run.directory / "unpacked").exists()
    assert "Unpacking" not in _page(world)
    client = world.client("member")
    assert client.get(run.get_absolute_url())["Location"] == version.get_absolute_url()
    assert ask(client, reverse("upload", args=[world.project.pk, upload.key]))["X-Upload-Next"] == (
        version.get_absolute_url()
    )


def test_a_small_archive_of_many_rows_is_not_opened_while_the_browser_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "AT_ONCE_BYTES", 1 << 20)
    monkeypatch.setattr(opening, "AT_ONCE_UNPACKED", 1000)
    _run(_send(world, gzip.compress(LINES), "cards.jsonl.gz"))
    assert DatasetVersion.objects.get().path.read_bytes() == LINES


def test_asking_where_it_stands_starts_it_once(world: World) -> None:
    upload = _send(world, TABLE, "cards.csv")
    url = reverse("upload", args=[world.project.pk, upload.key])
    assert ask(world.client("member"), url)["Upload-Offset"] == str(len(TABLE))
    assert Run.objects.filter(kind="unpack").count() == 1


def test_a_damaged_one_is_kept_and_its_audit_says_why(world: World) -> None:
    body = gzip.compress(TABLE)[:-12]
    assert _run(_send(world, body, "cards.csv.gz")).status == Status.SUCCEEDED
    version = DatasetVersion.objects.get()
    assert version.path.read_bytes() == body
    assert version.audit is not None
    run_to_end(version.audit.run)
    assert "damaged or cut off" in world.client().get(version.get_absolute_url()).content.decode()


def test_one_there_is_no_room_for_says_so_and_can_be_tried_again(world: World) -> None:
    upload = _send(world, TABLE, "cards.csv")
    assert upload.run is not None
    spec = upload.run.directory / "spec.json"
    asked = json.loads(spec.read_text())
    spec.write_text(json.dumps({**asked, "most_bytes": 1000}))
    assert _run(upload).status == Status.FAILED
    assert "room for" in _page(world)
    assert upload.path.read_bytes() == TABLE
    spec.write_text(json.dumps(asked))
    world.client("member").post(reverse("run_retry", args=[world.project.pk, upload.run.pk]))
    assert _run(upload).status == Status.SUCCEEDED
    assert DatasetVersion.objects.count() == 1


def test_it_is_stopped_with_its_file_kept_until_somebody_throws_it_away(world: World) -> None:
    upload = _send(world, TABLE, "cards.csv")
    assert upload.run is not None
    member, url = world.client("member"), reverse("upload", args=[world.project.pk, upload.key])
    assert member.delete(url, headers=TUS).status_code == 409
    throw = reverse("upload_discard", args=[world.project.pk, upload.key])
    assert "being unpacked" in member.post(throw, follow=True).content.decode()
    assert upload.run.ask(Wanted.STOP)
    assert "Stopped." in _page(world)
    assert upload.path.read_bytes() == TABLE
    member.post(throw)
    assert not upload.path.exists()
    assert not Upload.objects.exists()
    member.post(throw)  # from another tab


def test_a_run_whose_file_is_gone_says_so(world: World) -> None:
    upload = _send(world, TABLE, "cards.csv")
    upload.path.unlink()
    run = _run(upload)
    assert (run.status, run.reason) == (Status.FAILED, "Data")
    assert "no longer there" in run.reason_text


def test_a_stop_in_the_middle_leaves_no_rows_behind(world: World) -> None:
    upload = _send(world, TABLE * 1, "cards.csv")
    run = upload.run
    assert run is not None
    many = b"text,category\n" + TABLE.split(b"\n", 1)[1] * 5000
    upload.path.write_bytes(many)
    (run.directory / "control").write_text("stop")
    Run.objects.filter(pk=run.pk).update(wanted=Wanted.STOP)
    assert run_to_end(run).status == Status.CANCELLED
    assert not (run.directory / "unpacked").exists()
    assert upload.path.exists()
    assert not DatasetVersion.objects.exists()
