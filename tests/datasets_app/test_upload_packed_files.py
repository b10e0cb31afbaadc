"""A packed file is opened once, on its way in: the version holds its rows, and says where they came from."""

from __future__ import annotations

import gzip
import hashlib
import io
import json

import pyarrow
import pyarrow.parquet
import pytest
from django.urls import reverse

from datasets_app import receiving
from datasets_app.models import DatasetVersion
from tests.datasets_app.cast import begin, send, upload
from tests.world import World, run_to_end

ROWS = [{"text": f"Where is card {number}?", "category": "card_arrival"} for number in range(20)]
LINES = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in ROWS).encode()
TABLE = b"text,category\n" + b"".join(f"{row['text']},{row['category']}\n".encode() for row in ROWS)


def _parquet() -> bytes:
    held = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), held)
    return held.getvalue()


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("cards.csv", TABLE, "cards.csv (CSV), 20 rows stored as JSON Lines"),
        ("cards.jsonl.gz", gzip.compress(LINES), "cards.jsonl.gz (gzip), stored unpacked"),
        ("cards.csv.gz", gzip.compress(TABLE), "cards.csv.gz (gzip and CSV), 20 rows"),
        ("cards.parquet", _parquet(), "cards.parquet (Parquet), 20 rows"),
    ],
)
def test_it_is_stored_as_the_rows_it_holds(world: World, name: str, body: bytes, said: str) -> None:
    version = upload(world, body, filename=name)
    assert version.path.read_bytes() == LINES
    assert version.sha256 == hashlib.sha256(LINES).hexdigest()
    assert (version.filename, version.dataset.name, version.size) == ("cards.jsonl", "cards", len(LINES))
    assert version.operation["sha256"] == hashlib.sha256(body).hexdigest()
    assert said in world.client().get(version.get_absolute_url()).content.decode()
    assert not list(version.path.parents[2].glob("uploads/*")), "nothing is left behind"


def test_the_digest_that_is_answered_is_of_what_was_sent(world: World) -> None:
    client = world.client("member")
    body = gzip.compress(LINES)
    url = begin(client, world.project.pk, size=len(body), filename="cards.jsonl.gz")["Location"]
    assert send(client, url, 0, body)["X-Upload-Sha256"] == hashlib.sha256(body).hexdigest()


def test_a_damaged_one_is_kept_and_its_audit_says_why(world: World) -> None:
    body = gzip.compress(LINES)[:-12]
    version = upload(world, body, filename="cards.jsonl.gz")
    assert version.path.read_bytes() == body
    assert version.audit is not None
    run_to_end(version.audit.run)
    page = world.client().get(version.get_absolute_url()).content.decode()
    assert "cannot be read as rows" in page
    assert "damaged or cut off" in page


def test_a_name_is_never_an_option_of_a_command(world: World) -> None:
    version = upload(world, TABLE, filename="--most-bytes=1.csv")
    assert version.path.read_bytes() == LINES


def test_one_that_the_disk_has_no_room_for_is_not_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client("member")
    body = gzip.compress(LINES)
    url = begin(client, world.project.pk, size=len(body), filename="cards.jsonl.gz")["Location"]
    monkeypatch.setattr(receiving, "free_bytes", lambda: 100)
    answer = send(client, url, 0, body)
    assert answer.status_code == 413
    assert "room for" in json.loads(answer.content)["found"]
    assert not DatasetVersion.objects.exists()


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("cards.csv", TABLE, "Line 1 here is line 2 of cards.csv, line 2 is line 3, and so on."),
        ("cards.csv", TABLE + b'"two\nlines",b\n"c",d\n', "Line 12 here is row 12 of the table in cards.csv, whose"),
        ("cards.parquet", _parquet(), "Line 12 here is row 12 of the table in cards.parquet; a heading"),
    ],
)
def test_the_rows_page_says_what_a_line_was_in_the_table(world: World, name: str, body: bytes, said: str) -> None:
    version = upload(world, body, filename=name)
    page = world.client().get(reverse("version_rows", args=[world.project.pk, version.pk])).content.decode()
    assert said in page


def test_lines_of_plain_rows_are_those_of_the_file(world: World) -> None:
    version = upload(world, gzip.compress(LINES), filename="cards.jsonl.gz")
    page = world.client().get(reverse("version_rows", args=[world.project.pk, version.pk])).content.decode()
    assert "Line 1 here" not in page
    assert "Line 12 here" not in page
