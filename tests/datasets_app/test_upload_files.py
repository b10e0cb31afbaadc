"""Files arrive in slices and resume where they stopped, whatever was killed in between."""

from __future__ import annotations

import fcntl
import hashlib

from django.urls import reverse

from datasets_app import receiving
from datasets_app.models import DatasetVersion, Upload
from tests.datasets_app.cast import TUS, ask, begin, send, upload
from tests.world import World

BODY = b'{"prompt": "a", "completion": "b"}\n' * 400


def test_it_becomes_a_version_with_its_digest_and_a_queued_audit(world: World) -> None:
    client = world.client("member")
    begun = begin(client, world.project.pk, size=len(BODY))
    assert begun.status_code == 201
    first = send(client, begun["Location"], 0, BODY[:5000])
    assert (first.status_code, first["Upload-Offset"]) == (204, "5000")
    assert "X-Upload-Next" not in first
    last = send(client, begun["Location"], 5000, BODY[5000:])
    version = DatasetVersion.objects.get()
    assert last["X-Upload-Sha256"] == version.sha256 == hashlib.sha256(BODY).hexdigest()
    assert last["X-Upload-Next"] == version.get_absolute_url()
    assert version.path.read_bytes() == BODY
    assert (version.number, version.filename, version.dataset.name) == (1, "tickets.jsonl", "tickets")
    assert version.audit is not None
    assert version.audit.run.status == "queued"
    assert not Upload.objects.get().path.exists()


def test_it_goes_on_from_the_file_when_the_server_died_before_the_row_was_written(world: World) -> None:
    client = world.client("member")
    url = begin(client, world.project.pk, size=len(BODY))["Location"]
    send(client, url, 0, BODY[:4000])
    row = Upload.objects.get()
    with row.path.open("ab") as file:  # written, but the row never heard of it
        file.write(b"half a slice that nobody acknowledged")
    assert ask(client, url)["Upload-Offset"] == "4000"
    assert send(client, url, 4000, BODY[4000:]).status_code == 204
    assert DatasetVersion.objects.get().path.read_bytes() == BODY


def test_it_goes_on_from_the_file_when_the_file_is_behind_the_row(world: World) -> None:
    client = world.client("member")
    url = begin(client, world.project.pk, size=len(BODY))["Location"]
    send(client, url, 0, BODY[:4000])
    with Upload.objects.get().path.open("r+b") as file:
        file.truncate(2500)
    assert ask(client, url)["Upload-Offset"] == "2500"
    assert send(client, url, 4000, BODY[4000:]).status_code == 409
    assert send(client, url, 2500, BODY[2500:]).status_code == 204
    assert DatasetVersion.objects.get().path.read_bytes() == BODY


def test_it_finishes_on_the_question_where_it_stands_when_the_last_answer_was_lost(world: World) -> None:
    client = world.client("member")
    url = begin(client, world.project.pk, size=len(BODY))["Location"]
    row = Upload.objects.get()
    row.path.write_bytes(BODY)
    Upload.objects.update(received=len(BODY))
    answer = ask(client, url)
    assert answer["Upload-Offset"] == str(len(BODY))
    assert answer["X-Upload-Next"] == DatasetVersion.objects.get().get_absolute_url()
    again = ask(client, url)
    assert again["X-Upload-Next"] == answer["X-Upload-Next"]
    assert DatasetVersion.objects.count() == 1


def test_it_refuses_a_slice_at_another_offset_and_changes_nothing(world: World) -> None:
    client = world.client("member")
    url = begin(client, world.project.pk, size=len(BODY))["Location"]
    send(client, url, 0, BODY[:3000])
    assert send(client, url, 0, b"x" * 3000).status_code == 409
    assert send(client, url, 3500, b"x").status_code == 409
    assert Upload.objects.get().path.read_bytes() == BODY[:3000]


def test_it_lets_one_writer_in_at_a_time(world: World) -> None:
    client = world.client("member")
    url = begin(client, world.project.pk, size=len(BODY))["Location"]
    with Upload.objects.get().path.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert send(client, url, 0, BODY[:100]).status_code == 423
    assert send(client, url, 0, BODY[:100]).status_code == 204


def test_it_refuses_a_slice_past_the_promised_size(world: World) -> None:
    client = world.client("member")
    url = begin(client, world.project.pk, size=100)["Location"]
    assert send(client, url, 0, b"x" * 101).status_code == 413
    assert ask(client, url)["Upload-Offset"] == "0"
    assert not DatasetVersion.objects.exists()


def test_it_refuses_an_empty_file_and_one_the_disk_has_no_room_for(world: World) -> None:
    client = world.client("member")
    empty = begin(client, world.project.pk, size=0)
    assert empty.status_code == 400
    assert "empty" in empty.json()["found"]
    large = begin(client, world.project.pk, size=receiving.free_bytes() + 1)
    assert large.status_code == 413
    assert "room for" in large.json()["found"]
    assert large.json()["remedy"]
    assert not Upload.objects.exists()


def test_it_promises_each_byte_of_the_disk_once(world: World) -> None:
    before = receiving.free_bytes()
    begin(world.client("member"), world.project.pk, size=10 << 30)
    assert before - receiving.free_bytes() > 9 << 30


def test_it_forgets_a_cancelled_upload_with_its_bytes(world: World) -> None:
    client = world.client("member")
    url = begin(client, world.project.pk, size=len(BODY))["Location"]
    send(client, url, 0, BODY[:3000])
    path = Upload.objects.get().path
    assert client.delete(url, headers=TUS).status_code == 204
    assert not path.exists()
    assert ask(client, url).status_code == 404


def test_it_never_makes_a_path_of_a_file_name(world: World) -> None:
    name = "../../etc/\u202epa\x00sswd/..\\evil<script>.jsonl"
    version = upload(world, BODY, filename=name)
    assert version.filename == "evil<script>.jsonl"
    assert version.path.name == f"{version.sha256}.jsonl"
    assert "evil<script>" not in world.client().get(version.get_absolute_url()).content.decode()


def test_it_stores_the_same_bytes_once_and_names_the_second_dataset_apart(world: World) -> None:
    first, second = upload(world, BODY), upload(world, BODY)
    assert first.path == second.path
    assert [first.dataset.name, second.dataset.name] == ["tickets", "tickets (2)"]


def test_it_says_what_it_can_do(world: World) -> None:
    answer = world.client("member").options(reverse("uploads", args=[world.project.pk]))
    assert answer.status_code == 204
    assert answer["Tus-Extension"] == "creation,termination"
    assert int(answer["Tus-Max-Size"]) > 0


def test_it_refuses_what_is_not_tus(world: World) -> None:
    client = world.client("member")
    assert client.post(reverse("uploads", args=[world.project.pk])).status_code == 412
    for length in ("", "-1", "12e3", "9" * 30):
        headers = {**TUS, "Upload-Length": length}
        assert client.post(reverse("uploads", args=[world.project.pk]), headers=headers).status_code == 400
    url = begin(client, world.project.pk, size=10)["Location"]
    wrong_type = client.patch(url, b"x", content_type="text/plain", headers={**TUS, "Upload-Offset": "0"})
    assert wrong_type.status_code == 415


def test_it_is_closed_to_readers_strangers_and_to_other_peoples_uploads(world: World) -> None:
    url = begin(world.client("member"), world.project.pk, size=len(BODY))["Location"]
    assert begin(world.client("reader"), world.project.pk, size=5).status_code == 403
    assert begin(world.client("stranger"), world.project.pk, size=5).status_code == 404
    assert send(world.client("reader"), url, 0, BODY).status_code == 403
    assert send(world.client("stranger"), url, 0, BODY).status_code == 404
    assert send(world.client("owner"), url, 0, BODY).status_code == 404
