"""The port: which one, whether it is free, and whether pages come out of it."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket

from workbench import environment
from workbench.launcher.errors import LaunchError


def chosen_port() -> int:
    try:
        port = environment.port()
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise LaunchError(
            f"PORT is {os.environ.get('PORT')!r}; it must be a number from 1 to 65535: make run PORT=8010"
        )
    return port


def open_port(port: int) -> socket.socket:
    """The listening socket, on loopback only. Raises LaunchError with a port that is free when this one is not."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        what = "may not be opened by you" if isinstance(error, PermissionError) else "is taken by another program"
        raise LaunchError(f"Port {port} {what}. Choose another, for example: make run PORT={free_port(port)}") from None
    listener.listen(2048)
    return listener


def free_port(near: int) -> int:
    for port in range(max(near, 1023) + 1, 65536):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                trial.bind(("127.0.0.1", port))
                return port
    return 8000


def page_answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
