"""The environment variables the workbench reads, in one place. docs/settings.md is their table."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
import tempfile
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the final zero included.
LONGEST_SOCKET_PATH = 103


def home() -> Path:
    """Where everything a user gave us lives: database, uploads, runs, models, Redis files."""
    return Path(os.environ.get("WORKBENCH_HOME") or ROOT / "var").expanduser().resolve()


def port() -> int:
    return int(os.environ.get("PORT") or 8000)


def redis_socket() -> Path:
    """The embedded server's private socket: in the home folder, or in a temporary one when that path is too long."""
    path = home() / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(home())).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"workbench-{os.getuid()}-{name}" / "redis.sock"


def redis_url() -> str:
    """redis-py's form: REDIS_URL where it is set, else the embedded server's socket."""
    return os.environ.get("REDIS_URL") or f"unix://{redis_socket()}"


def celery_broker_url() -> str:
    """The same address in the form Celery's transport reads."""
    url = redis_url()
    return "redis+socket://" + url.removeprefix("unix://") if url.startswith("unix://") else url


def database_url() -> str:
    return os.environ.get("DATABASE_URL") or f"sqlite:///{quote(str(home() / 'db.sqlite3'))}"


def worker_name() -> str:
    """Who this machine is to the queue: WORKBENCH_WORKER, else its host name when the home folder was first used.

    It is kept, because a host name changes (a new container, another network) and the runs of the old one would be
    nobody's.
    """
    given = os.environ.get("WORKBENCH_WORKER")
    if given:
        return given
    path = home() / "worker_name"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), path.open("x") as file:
        file.write(socket.gethostname())
    return path.read_text() or socket.gethostname()


def allowed_hosts() -> list[str]:
    """Loopback by default; WORKBENCH_HOSTS names more, separated by commas."""
    named = [host.strip() for host in os.environ.get("WORKBENCH_HOSTS", "").split(",") if host.strip()]
    return ["127.0.0.1", "localhost", "[::1]", *named]


def allow_private_endpoints() -> bool:
    """Whether endpoints may be on this machine or its network: WORKBENCH_ALLOW_PRIVATE_ENDPOINTS=1."""
    return os.environ.get("WORKBENCH_ALLOW_PRIVATE_ENDPOINTS") == "1"


def secret_key() -> str:
    """WORKBENCH_SECRET_KEY, else one made on first use and kept, readable by its owner only, in the home folder."""
    given = os.environ.get("WORKBENCH_SECRET_KEY")
    if given:
        return given
    path = home() / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        key = secrets.token_urlsafe(50)
        file.write(key)
    return key
