"""`make run`'s launcher starts everything, says where, and leaves nothing behind. Each test really starts it."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.launcher.conftest import PATIENCE_S, Started, free_port, none_left, wait_for

Start = Callable[..., Started]


def test_it_starts_everything_and_a_second_one_points_to_it(start: Start, home: Path) -> None:
    workbench = start()
    link = workbench.until_open()
    assert link.startswith(f"http://127.0.0.1:{workbench.port}/sign-in/")
    assert workbench.where("/") == "/sign-in/?next=/"
    path = link.partition(str(workbench.port))[2]
    assert [workbench.where(path), workbench.where(path)] == ["/", "/sign-in/"]
    for part in ("launcher.web", "celery", "redis.sock"):
        assert workbench.child(part).is_running()

    second = workbench.second()
    assert second.returncode == 0
    assert f"already running at http://127.0.0.1:{workbench.port}/ (process {workbench.process.pid})" in second.stdout
    fresh = next(line[5:] for line in second.stdout.splitlines() if line.startswith("Open "))
    assert fresh.startswith(f"http://127.0.0.1:{workbench.port}/sign-in/")
    assert fresh != link
    assert (home / "logs" / "web.log").exists()
    assert link not in (home / "logs" / "web.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_it_ends_every_process_it_started(start: Start, home: Path, number: signal.Signals) -> None:
    workbench = start()
    workbench.until_open()
    family = workbench.family()
    assert len(family) >= 4
    workbench.process.send_signal(number)
    assert workbench.process.wait(PATIENCE_S) == 0
    assert none_left(family)
    assert "everything has ended" in workbench.output
    assert not (home / "launcher.json").exists()


def test_it_can_be_started_again_with_what_was_there(start: Start) -> None:
    first = start()
    first.until_open()
    first.process.send_signal(signal.SIGTERM)
    first.process.wait(PATIENCE_S)
    second = start(first.port)
    second.until_open()
    assert "database  up to date" in second.output
    assert second.get("/healthz") == 200


def test_it_shows_and_restarts_what_falls(start: Start) -> None:
    workbench = start()
    workbench.until_open()
    for falls, part in enumerate(("redis.sock", "celery", "launcher.web"), start=1):
        fallen = workbench.child(part)
        kin = [fallen, *fallen.children(recursive=True)]
        fallen.kill()
        wait_for("the restart", lambda count=falls: workbench.output.count("started again") == count)
        assert workbench.output.count("ended unexpectedly (signal SIGKILL)") == falls
        assert workbench.child(part).pid != fallen.pid
        assert none_left(kin)
    assert workbench.get("/healthz") == 200


def test_it_ends_everything_when_a_part_does_not_stay_up(start: Start) -> None:
    workbench = start()
    workbench.until_open()
    family = workbench.family()
    killed = set[int]()

    def keep_falling() -> bool:
        if workbench.process.poll() is not None:
            return True
        family.extend(each for each in workbench.family() if each not in family)
        for each in psutil.Process(workbench.process.pid).children():
            if each.pid not in killed and any("redis.sock" in word for word in each.cmdline()):
                killed.add(each.pid)
                each.kill()
        return False

    wait_for("the end", _calmly(keep_falling))
    assert workbench.process.returncode == 1
    assert "redis does not stay up, so everything is ended" in workbench.output
    assert len(killed) == 4
    assert none_left(family)


def test_it_leaves_nothing_behind_when_it_is_killed(start: Start) -> None:
    workbench = start()
    workbench.until_open()
    family = workbench.family()
    workbench.process.kill()
    workbench.process.wait()
    wait_for("all its processes to be gone", lambda: none_left(family))

    again = start(workbench.port)
    again.until_open()
    assert again.get("/healthz") == 200


def test_it_says_that_the_port_is_taken_and_names_a_free_one(start: Start, home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        workbench = start(port)
        assert workbench.process.wait(PATIENCE_S) == 1
        said = workbench.output
    assert f"Port {port} is taken by another program" in said
    assert "make run PORT=" in said
    assert "Traceback" not in said
    assert not (home / "launcher.json").exists()


@pytest.mark.parametrize("port", ["0", "70000", "eighty"])
def test_it_refuses_a_port_that_is_none(start: Start, port: str) -> None:
    workbench = start(PORT=port)
    assert workbench.process.wait(PATIENCE_S) == 1
    assert f"PORT is '{port}'; it must be a number from 1 to 65535" in workbench.output


def test_it_can_be_ended_before_it_is_ready(start: Start) -> None:
    workbench = start()
    wait_for("its first words", lambda: "redis" in workbench.output)
    family = workbench.family()
    workbench.process.send_signal(signal.SIGTERM)
    assert workbench.process.wait(PATIENCE_S) == 0
    assert none_left(family)
    assert "Traceback" not in workbench.output


def test_stop_ends_it_and_says_so(start: Start) -> None:
    workbench = start()
    workbench.until_open()
    family = workbench.family()
    stopping = workbench.launch("stop")
    assert stopping.wait(PATIENCE_S) == 0
    assert none_left(family[1:])
    assert workbench.process.wait(PATIENCE_S) == 0
    assert "The workbench has ended." in workbench.output
    assert workbench.launch("stop").wait(PATIENCE_S) == 0
    assert "Nothing is running in this home folder." in workbench.output


def test_it_uses_the_server_of_redis_url_and_starts_none(start: Start) -> None:
    workbench = start(REDIS_URL=_session_redis())
    workbench.until_open()
    assert "redis     using unix://" in workbench.output
    parts = [" ".join(each.cmdline()) for each in workbench.family()]
    assert not [part for part in parts if "unixsocket" in part or "redis-server" in part]


def test_it_says_when_the_server_of_redis_url_does_not_answer(start: Start) -> None:
    workbench = start(REDIS_URL=f"redis://:secret@127.0.0.1:{free_port()}/0")
    assert workbench.process.wait(PATIENCE_S) == 1
    assert "REDIS_URL (redis://:***@127.0.0.1:" in workbench.output
    assert "does not answer" in workbench.output
    assert "secret" not in workbench.output


def test_it_sets_aside_what_the_redis_server_cannot_read(start: Start, home: Path) -> None:
    spoiled = home / "redis" / "data" / "appendonlydir"
    spoiled.mkdir(parents=True)
    (spoiled / "appendonly.aof.manifest").write_text("file nonsense seq x type q\n")
    workbench = start()
    workbench.until_open()
    assert "could not read its data; it is kept in" in workbench.output
    assert len(list((home / "redis").glob("data-unreadable-*"))) == 1


def _session_redis() -> str:
    from workbench import environment

    return environment.redis_url()


def _calmly(look: Callable[[], bool]) -> Callable[[], bool]:
    """A process may end while it is being looked at."""

    def looked() -> bool:
        try:
            return look()
        except psutil.Error:
            return False

    return looked
