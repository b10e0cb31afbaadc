"""The live stream and the history behind it: nothing lost, nothing twice, nothing for strangers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from runs_app import live
from runs_app.models import Run, RunEvent
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def empty_stream() -> None:
    """The test database hands out the same run numbers again; a real one does not."""
    live._client().delete(live.STREAM)


async def test_a_viewer_gets_what_redis_still_has_and_then_what_comes(world: World) -> None:
    run = await sync_to_async(world.run)(kind="count")
    live.publish(run.pk, [_event(1), _event(2), _event(3)])
    live.publish(run.pk + 1, [_event(99)])
    frames = await _open(world, run, after=1)
    assert [await _next(frames), await _next(frames)] == [2, 3]
    live.publish(run.pk, [_event(4)])
    assert await _next(frames) == 4
    await frames.aclose()


async def test_it_goes_on_after_the_last_event_id(world: World) -> None:
    run = await sync_to_async(world.run)(kind="count")
    live.publish(run.pk, [_event(number) for number in range(1, 6)])
    client = await _client(world)
    response = await client.get(_url(run, "stream"), headers={"Last-Event-ID": "3"})
    frames = aiter(response)
    assert [await _next(frames), await _next(frames)] == [4, 5]
    await frames.aclose()


async def test_two_viewers_share_one_reader_and_both_get_everything(world: World) -> None:
    run = await sync_to_async(world.run)(kind="count")
    one, two = await _open(world, run), await _open(world, run)
    await _settle(one), await _settle(two)
    live.publish(run.pk, [_event(1), _event(2)])
    assert [await _next(one), await _next(one)] == [1, 2]
    assert [await _next(two), await _next(two)] == [1, 2]
    assert len(live.hub().viewers[run.pk]) == 2


async def test_a_viewer_who_leaves_is_forgotten_and_the_last_one_ends_the_reader(world: World) -> None:
    frames = live.stream(7, 0)
    await anext(frames)
    assert 7 in live.hub().viewers
    await frames.aclose()
    assert live.hub().viewers == {}
    assert live.hub()._task is None


async def test_a_change_of_state_is_told_without_a_number(world: World) -> None:
    run = await sync_to_async(world.run)(kind="count")
    frames = await _open(world, run)
    await _settle(frames)
    live.publish_state(run)
    text = await _frame(frames)
    assert text.startswith("event: state\n")
    assert "id:" not in text
    await frames.aclose()


async def test_a_viewer_who_sleeps_is_let_go_and_others_are_not_held_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_WAITING", 5)
    run = await sync_to_async(world.run)(kind="count")
    frames = await _open(world, run)
    await _settle(frames)
    live.publish(run.pk, [_event(number) for number in range(1, 20)])
    await asyncio.sleep(0.3)
    with pytest.raises(StopAsyncIteration):
        while True:
            await _frame(frames)


async def test_a_stranger_gets_no_stream(world: World) -> None:
    run = await sync_to_async(world.run)(kind="count")
    client = AsyncClient()
    await sync_to_async(client.force_login)(world.stranger, "django.contrib.auth.backends.ModelBackend")
    assert (await client.get(_url(run, "stream"))).status_code == 404


def test_the_history_pages_by_sequence_number(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs_app.views.EVENTS_A_PAGE", 3)
    run = world.run(kind="count")
    RunEvent.objects.bulk_create(
        [RunEvent(run=run, seq=number, t=0, kind="log", data={"text": str(number)}) for number in range(1, 8)]
    )
    client = world.client("reader")
    seen: list[int] = []
    after, more = 0, True
    while more:
        answer = client.get(_url(run, "events"), {"after": after}).json()
        seen += [event["seq"] for event in answer["events"]]
        after, more = answer["next"], answer["more"]
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert answer["ended"] is False


@pytest.mark.parametrize("after", ["", "-1", "abc", "9" * 40, "1.5"])
def test_a_strange_number_means_from_the_start(world: World, after: str) -> None:
    run = world.run(kind="count")
    RunEvent.objects.create(run=run, seq=1, t=0, kind="log", data={})
    assert len(world.client().get(_url(run, "events"), {"after": after}).json()["events"]) == 1


def test_the_log_is_tailed_searched_and_downloaded_as_text(world: World) -> None:
    run = world.run(kind="count")
    lines = [f"line {number}" for number in range(20_000)] + ["<script>alert(1)</script>", "step\rstep 2\rstep 3"]
    (run.directory / "console.log").write_text("\n".join(lines) + "\n")
    client = world.client("reader")
    page = client.get(_url(run, "log")).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "step 3" in page and "step 2" not in page
    assert "line 100\n" not in page, "only the end is read"
    assert "line 17777" in client.get(_url(run, "log"), {"q": "17777"}).content.decode()
    response = client.get(_url(run, "log/download"))
    assert response["Content-Disposition"].startswith("attachment")


def test_publishing_without_a_broker_is_no_failure(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import redis

    nowhere = redis.Redis.from_url("unix:///nowhere/redis.sock")
    monkeypatch.setattr(live, "_client", lambda: nowhere)
    live.publish(1, [_event(1)])
    assert "were not published" in caplog.text


def _event(seq: int) -> dict[str, object]:
    return {"seq": seq, "t": 0.0, "kind": "log", "text": f"event {seq}"}


def _url(run: Run, what: str) -> str:
    return f"/projects/{run.project_id}/runs/{run.pk}/{what}/"


async def _client(world: World) -> AsyncClient:
    client = AsyncClient()
    await sync_to_async(client.force_login)(world.reader, "django.contrib.auth.backends.ModelBackend")
    return client


async def _open(world: World, run: Run, after: int = 0) -> AsyncIterator[bytes]:
    client = await _client(world)
    response = await client.get(_url(run, "stream"), {"after": after})
    assert response["Content-Type"] == "text/event-stream"
    return aiter(response)


async def _settle(frames: AsyncIterator[bytes]) -> None:
    """Takes the opening frame and gives the reader time to stand at the end of the Redis stream."""
    assert (await anext(frames)).startswith(b"retry")
    task = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0.5)
    assert not task.done()
    _pending[id(frames)] = task


_pending: dict[int, asyncio.Future[bytes]] = {}


async def _frame(frames: AsyncIterator[bytes]) -> str:
    coming = _pending.pop(id(frames), None) or asyncio.ensure_future(anext(frames))
    return (await asyncio.wait_for(coming, 10)).decode()


async def _next(frames: AsyncIterator[bytes]) -> int:
    text = await _frame(frames)
    while not text.startswith("id:"):
        text = await _frame(frames)
    return int(json.loads(text.partition("data: ")[2])["seq"])
