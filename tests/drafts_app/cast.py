"""What the tests of drafting share: a version with its audit done, an endpoint, and a batch that was really drafted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.urls import reverse

from datasets_app.models import DatasetVersion
from drafts_app.models import DraftBatch
from models_app.models import Endpoint
from tests.datasets_app.cast import audited
from tests.engine.data.rows import many, qa, write_jsonl
from tests.engine.teachers.openai_server import KEY, OpenAI, said
from tests.world import World, run_to_end

FORM = {
    "mode": "more", "count": "4", "seeds_from": "all", "numbers": "", "sample": "8", "redact": "on", "instruction": "",
    "per_request": "2", "temperature": "0.8", "seed": "42",
}  # fmt: skip


def version_of(world: World, folder: Path, rows: list[Any] | None = None) -> DatasetVersion:
    return audited(world, write_jsonl(folder / "rows.jsonl", rows or many(30)))


def endpoint_of(world: World, server: OpenAI, **more: Any) -> Endpoint:
    found = Endpoint(
        project=world.project,
        name="Big",
        base_url=server.url,
        model="big-1",
        per_minute=6000,
        created_by=world.owner,
        **more,
    )
    found.set_key(KEY)
    found.save()
    return found


def two_rows(server: OpenAI, body: dict[str, Any]) -> Any:
    """Two new rows an answer, none like another; the second of the second answer holds an address."""
    number = len(server.asked)
    rows = [
        qa(f"What grows{number} on hill{number} of valley{n}?", f"Only moss{n} and fern{number} at height{n} grow.")
        for n in (2 * number, 2 * number + 1)
    ]
    if number == 2:
        rows[1]["completion"] += " Write to jane.doe@example.com."
    return said("\n".join(json.dumps(row) for row in rows), tokens_in=100, tokens_out=40)


def start(world: World, version: DatasetVersion, endpoint: Endpoint, role: str = "member", **more: str) -> Any:
    url = reverse("draft_new", args=[world.project.pk, version.pk])
    return world.client(role).post(url, {**FORM, "teacher_choice": f"endpoint:{endpoint.pk}", **more})


def drafted(world: World, folder: Path, server: OpenAI, **more: str) -> DraftBatch:
    answer = start(world, version_of(world, folder), endpoint_of(world, server), **more)
    assert answer.status_code == 302, answer.content.decode()
    batch = DraftBatch.objects.latest("pk")
    run_to_end(batch.run)
    batch.refresh_from_db()
    return batch


Act = Callable[..., Any]


def act(world: World, batch: DraftBatch, verb: str, role: str = "member", **data: Any) -> Any:
    return world.client(role).post(reverse(f"draft_{verb}", args=[world.project.pk, batch.pk]), data)


def page_of(world: World, batch: DraftBatch, query: str = "", role: str = "member") -> str:
    answer = world.client(role).get(batch.get_absolute_url() + query)
    assert answer.status_code == 200
    return str(answer.content.decode())
