"""A real HTTP server on this machine that speaks the OpenAI API, and misbehaves as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# What one request is answered with: (status, headers, body), or a text that becomes the assistant's message.
Answer = tuple[int, dict[str, str], bytes]
Script = Callable[["OpenAI", dict[str, Any]], "Answer | str"]
KEY = "sk-test-0123456789abcdefWXYZ"


class OpenAI:
    """``script`` decides each answer; ``asked`` are the bodies received, ``keys`` the Authorization headers."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.times: list[float] = []
        self.hosts: list[str] = []
        self.port = 0
        self.folder = Path()  # for scripts that look into the asking job's directory

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


def said(text: str, finish: str = "stop", tokens_in: int = 10, tokens_out: int = 5) -> Answer:
    document = {
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": tokens_in, "completion_tokens": tokens_out},
    }
    return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()


def failure(status: int, message: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, named, json.dumps({"error": {"message": message}}).encode()


@contextmanager
def serving(script: Script) -> Iterator[OpenAI]:
    world = OpenAI(script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            world.asked.append(body)
            world.keys.append(self.headers.get("Authorization", ""))
            world.hosts.append(self.headers.get("Host", ""))
            world.times.append(time.monotonic())
            if self.path != "/v1/chat/completions":
                self.answer(failure(404, "no such path"))
                return
            made = world.script(world, body)
            self.answer(said(made) if isinstance(made, str) else made)

        def answer(self, made: Answer) -> None:
            status, headers, content = made
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            try:
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the client has heard enough

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    world.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()
