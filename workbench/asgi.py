"""The ASGI entrance: Django behind a bound on every request body.

Under ASGI Django spools a whole body to disk before any view runs, for anyone and at any URL; so the bound stands
in front of it.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BoundedBody:
    """Answers 413 to a body over the bound: one slice where files arrive, a small form everywhere else."""

    def __init__(self, app: Any, *, max_bytes: int, slice_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.slice_bytes = slice_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_slice = scope["method"] == "PATCH" and "/uploads/" in scope["path"]
        is_documents = scope["method"] == "POST" and scope["path"].endswith("/documents/")
        bound = self.slice_bytes if is_slice or is_documents else self.max_bytes
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > bound:
            await _refuse(send, bound)
            return
        seen = 0
        answered = False

        async def bounded_receive() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > bound:
                return {"type": "http.disconnect"}
            return message

        async def watched_send(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        await self.app(scope, bounded_receive, watched_send)
        if seen > bound and not answered:
            await _refuse(send, bound)


async def _refuse(send: Send, bound: int) -> None:
    text = f"This request is larger than {bound >> 20} MB. Data files are uploaded in slices on the Data page.".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def _application() -> BoundedBody:
    django = get_asgi_application()
    from django.conf import settings

    return BoundedBody(django, max_bytes=settings.MAX_BODY_BYTES, slice_bytes=settings.UPLOAD_SLICE_BYTES + 4096)


application = _application()
