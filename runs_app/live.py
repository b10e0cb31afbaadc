"""The live stream: supervisors write events to one Redis stream, one reader per web process fans them out.

No ORM here: an open stream must hold no database connection. History and gaps come from the events view.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import redis
import redis.asyncio
from django.conf import settings

from runs_app.models import Run

log = logging.getLogger(__name__)
STREAM = "workbench:events"
# About the last few thousand events of all runs: enough for a viewer who connects to miss nothing; older ones are rows.
KEEP = 5000
HEARTBEAT_S = 15.0
# A viewer this far behind has gone to sleep: it is let go, and asks the history view when it wakes.
MOST_WAITING = 2000


# ── writing (supervisors, dispatch) ───────────────────────────────────────────────────────────────────────────
@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def publish(run_id: int, events: list[dict[str, Any]]) -> None:
    """Sends events to the viewers. A broker that is away costs them only the wait for their next poll."""
    try:
        pipe = _client().pipeline(transaction=False)
        for event in events:
            pipe.xadd(STREAM, {"run": run_id, "event": json.dumps(event)}, maxlen=KEEP, approximate=True)
        pipe.execute()
    except (redis.RedisError, OSError) as error:
        log.warning("Events of run %s were not published (%s); they are in the history.", run_id, error)


def publish_state(run: Run) -> None:
    """A change of state that is no event of the process itself; it has no number and no history."""
    publish(run.pk, [{"seq": 0, "kind": "state", "status": run.status, "wanted": run.wanted}])


# ── reading (web processes) ───────────────────────────────────────────────────────────────────────────────────
class Hub:
    """One Redis reader, many viewers. It starts with the first viewer and ends with the last."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.viewers: dict[int, set[asyncio.Queue[str | None]]] = {}
        self._task: asyncio.Task[None] | None = None

    def join(self, run_id: int) -> asyncio.Queue[str | None]:
        queue: asyncio.Queue[str | None] = asyncio.Queue(MOST_WAITING)
        self.viewers.setdefault(run_id, set()).add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._read())
        return queue

    def leave(self, run_id: int, queue: asyncio.Queue[str | None]) -> None:
        group = self.viewers.get(run_id, set())
        group.discard(queue)
        if not group:
            self.viewers.pop(run_id, None)
        if not self.viewers and self._task is not None:
            self._task.cancel()
            self._task = None

    async def backlog(self, run_id: int, after: int) -> list[str]:
        """Events of the run newer than ``after`` that Redis still has: what a row may not have caught up with yet."""
        client = redis.asyncio.Redis.from_url(self.url, socket_timeout=2)
        try:
            entries: Any = await client.xrevrange(STREAM, count=1000)
        except (redis.RedisError, OSError):
            return []
        finally:
            await client.aclose()
        mine = [fields[b"event"].decode() for _, fields in reversed(entries) if int(fields[b"run"]) == run_id]
        return [text for text in mine if json.loads(text)["seq"] > after]

    async def _read(self) -> None:
        pause = 0.2
        last: bytes | str = "$"
        while True:
            client = redis.asyncio.Redis.from_url(self.url, socket_timeout=10)
            try:
                while True:
                    answer = await client.xread({STREAM: last}, count=500, block=5000)
                    pause = 0.2
                    for _, entries in _streams(answer):
                        for entry_id, fields in entries:
                            last = entry_id
                            self._fan_out(int(fields[b"run"]), fields[b"event"].decode())
            except (redis.RedisError, OSError) as error:
                log.warning("The live reader lost Redis (%s); trying again in %.1f s.", error, pause)
                last = "$" if last == "$" else last
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            finally:
                await client.aclose()

    def _fan_out(self, run_id: int, text: str) -> None:
        for queue in tuple(self.viewers.get(run_id, ())):
            try:
                queue.put_nowait(text)
            except asyncio.QueueFull:
                self.leave(run_id, queue)
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)


def _streams(answer: Any) -> list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]:
    """redis-py answers a list under RESP2 and a dict of lists under RESP3."""
    if not answer:
        return []
    if isinstance(answer, dict):
        return [(name, [entry for group in groups for entry in group]) for name, groups in answer.items()]
    return list(answer)


_hubs: dict[int, Hub] = {}


def hub() -> Hub:
    """The hub of this process's event loop."""
    loop = id(asyncio.get_running_loop())
    if loop not in _hubs:
        _hubs.clear()
        _hubs[loop] = Hub(settings.REDIS_URL)
    return _hubs[loop]


async def stream(run_id: int, after: int) -> AsyncIterator[str]:
    """The Server-Sent Events of one run: what is newer than sequence number ``after``, then what comes."""
    here = hub()
    queue = here.join(run_id)
    try:
        yield "retry: 2000\n\n"
        for text in await here.backlog(run_id, after):
            after = max(after, json.loads(text)["seq"])
            yield _frame(text)
        while True:
            try:
                text_or_end = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if text_or_end is None:
                return
            seq = json.loads(text_or_end)["seq"]
            if seq == 0 or seq > after:
                after = max(after, seq)
                yield _frame(text_or_end)
    finally:
        here.leave(run_id, queue)


def _frame(text: str) -> str:
    seq = json.loads(text)["seq"]
    return f"event: state\ndata: {text}\n\n" if seq == 0 else f"id: {seq}\ndata: {text}\n\n"
