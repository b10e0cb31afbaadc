"""What the tests of this room share: uploading as the browser does, and a version with its audit done."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from datasets_app import launching
from datasets_app.models import DatasetVersion
from datasets_app.receiving import add_dataset, store_copy
from models_app.models import BaseModel
from tests.world import World, run_to_end

TUS = {"Tus-Resumable": "1.0.0"}


def begin(client: Client, project_id: int, *, size: int, filename: str = "tickets.jsonl") -> Any:
    name = base64.b64encode(filename.encode()).decode()
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": f"filename {name},type dGV4dA=="}
    return client.post(reverse("uploads", args=[project_id]), headers=headers)


def send(client: Client, url: str, offset: int, body: bytes) -> HttpResponse:
    headers = {**TUS, "Upload-Offset": str(offset)}
    return client.patch(url, body, content_type="application/offset+octet-stream", headers=headers)


def ask(client: Client, url: str) -> HttpResponse:
    return client.head(url, headers=TUS)


def upload(world: World, body: bytes, filename: str = "tickets.jsonl", role: str = "member") -> DatasetVersion:
    """The whole way of a small file, through the protocol; returns the version it became."""
    client = world.client(role)
    begun = begin(client, world.project.pk, size=len(body), filename=filename)
    assert begun.status_code == 201, begun.content
    done = send(client, begun["Location"], 0, body)
    assert done.status_code == 204, done.content
    return DatasetVersion.objects.get(pk=int(done["X-Upload-Next"].rstrip("/").rsplit("/", 1)[-1]))


def version_of(world: World, file: Path) -> DatasetVersion:
    """A version of ``file`` with its audit queued and not run."""
    sha256, size = store_copy(file)
    version = add_dataset(world.project, world.member, filename=file.name, sha256=sha256, size=size)
    launching.start_audit(version, world.member)
    return version


def without_model(world: World) -> None:
    """Audits from here on count characters: a tokenizer takes seconds to import, and most tests do not ask for it."""
    BaseModel.objects.all().delete()


def audited(world: World, file: Path, *, tokens: bool = False) -> DatasetVersion:
    if not tokens:
        without_model(world)
    version = version_of(world, file)
    assert version.audit is not None
    run_to_end(version.audit.run)
    return version


def page(world: World, version: DatasetVersion, role: str = "member") -> str:
    answer = world.client(role).get(version.get_absolute_url())
    assert answer.status_code == 200
    return answer.content.decode()
