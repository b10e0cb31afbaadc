"""A workbench that is really started: its own home folder, a free port, the checkout's starter model."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.home import ROOT

# What these tests wait for at most; nothing is asserted about how long it took.
PATIENCE_S = 90.0


def wait_for(what: str, look: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)
    return found


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
    return port


class Started:
    """One `python -m workbench.launcher` in the home folder it is given."""

    def __init__(self, home: Path, port: int, **env: str) -> None:
        self.home = home
        self.port = port
        self.output_file = home.parent / f"output-{time.monotonic_ns()}"
        self.env = {**os.environ, "WORKBENCH_HOME": str(home), "PORT": str(port), **env}
        if "REDIS_URL" not in env:
            self.env.pop("REDIS_URL", None)
        self.process = self.launch()

    def launch(self, *words: str) -> subprocess.Popen[bytes]:
        with self.output_file.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "workbench.launcher", *words],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.output_file.read_text()

    def until_open(self) -> str:
        """Its sign-in address, once it has printed it."""

        def link() -> str:
            assert self.process.poll() is None, self.output
            return next((line[5:] for line in self.output.splitlines() if line.startswith("Open http")), "")

        return wait_for("the line with the address", link)

    def second(self) -> subprocess.CompletedProcess[str]:
        """What another start in the same home folder says."""
        command = [sys.executable, "-m", "workbench.launcher"]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status

    def where(self, path: str) -> str | None:
        """Where a visitor without cookies is sent from `path`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().getheader("Location")

    def child(self, word: str) -> psutil.Process:
        """The launcher's own child whose command line has `word` in it."""
        found = [
            each for each in psutil.Process(self.process.pid).children() if any(word in part for part in each.cmdline())
        ]
        assert len(found) == 1, f"{word}: {found}"
        return found[0]

    def family(self) -> list[psutil.Process]:
        launcher = psutil.Process(self.process.pid)
        return [launcher, *launcher.children(recursive=True)]

    def clean_up(self) -> None:
        if self.process.poll() is None:
            family = self.family()
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
            for left in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    left.kill()
            self.process.wait()


@pytest.fixture
def home(tmp_path: Path, starter_model: Path) -> Path:
    """A home folder in which the starter model is there already (hard links: it is 270 MB)."""
    folder = tmp_path / "home"
    target = folder / "models" / starter_model.name
    target.mkdir(parents=True)
    for path in starter_model.iterdir():
        try:
            os.link(path, target / path.name)
        except OSError:  # another file system
            (target / path.name).symlink_to(path)
    return folder


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., Started]]:
    """Start a workbench in `home`; whatever the test does, nothing of it is left afterwards."""
    started: list[Started] = []

    def begin(port: int | None = None, **env: str) -> Started:
        started.append(Started(home, port or free_port(), **env))
        return started[-1]

    yield begin
    for each in started:
        each.clean_up()


def none_left(family: list[psutil.Process]) -> bool:
    return not [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
