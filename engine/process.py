"""A child process that outlives its supervisor, and is known again by pid *and* start time.

A pid alone is not an identity: after a restart of the machine or a wrap-around it may belong to a stranger.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Identity:
    """``started_at`` is when the kernel started it: seconds since boot on Linux, Unix seconds elsewhere.

    Unix time would be wrong on Linux: it is computed from the boot time, which moves with every step of the clock.
    """

    pid: int
    started_at: float


def start(
    argv: list[str], *, cwd: Path, log: Path, env: dict[str, str] | None = None
) -> tuple[Identity, subprocess.Popen[bytes]]:
    """Starts ``argv`` in its own session, its output appended to ``log``. No shell is involved."""
    with log.open("ab") as out:
        child = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            close_fds=True,
        )
    return identify(child.pid), child


def tie_to_parent(number: int = signal.SIGKILL) -> Callable[[], None]:
    """What a child calls when it begins (``preexec_fn`` of Popen) to be sent ``number`` when the process that is asking
    now ends, however it ends: prctl(2), PR_SET_PDEATHSIG. Away from Linux it does nothing."""
    if not _LINUX:
        return lambda: None
    # Looked up here: after a fork a library may no longer be loaded safely.
    libc, parent = ctypes.CDLL(None), os.getpid()

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # it was gone before the request reached the kernel
            os._exit(1)

    return tie


def identify(pid: int) -> Identity:
    try:
        return Identity(pid, _started_at(pid))
    except psutil.NoSuchProcess:
        return Identity(pid, 0.0)


def alive(identity: Identity) -> bool:
    """True when the very process is there and is not a zombie."""
    try:
        same = abs(_started_at(identity.pid) - identity.started_at) < (0.005 if _LINUX else 1.0)
        return same and psutil.Process(identity.pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _started_at(pid: int) -> float:
    if not _LINUX:
        return float(psutil.Process(pid).create_time())
    try:
        # Field 22 of proc(5); the name in field 2 may hold blanks and brackets, so count from its end.
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        raise psutil.NoSuchProcess(pid) from None
    return int(after_name[19]) / os.sysconf("SC_CLK_TCK")


def end(identity: Identity, *, grace_s: float = 10.0) -> None:
    """Ends the process and all its descendants: SIGTERM, then after ``grace_s`` SIGKILL. Silent when it is gone."""
    if not alive(identity):
        return
    try:
        family = [psutil.Process(identity.pid), *psutil.Process(identity.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        _signal(member, signal.SIGTERM)
    for member in _still_there(family, grace_s):
        _signal(member, signal.SIGKILL)
    _still_there(family, 5.0)


def _still_there(family: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Waits until the family has ended, or the time is up. It looks only: reaping a child here would lose its parent
    the exit code (subprocess then reports 0)."""
    deadline = time.monotonic() + seconds
    while left := [member for member in family if _runs(member)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return left


def _runs(member: psutil.Process) -> bool:
    try:
        return bool(member.is_running() and member.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def engine_argv(command: str, *args: str) -> list[str]:
    """The command line of one engine job, on the interpreter that runs now."""
    return [sys.executable, "-m", "engine", command, *args]


def quiet_environment() -> dict[str, str]:
    """The environment of a child: ours, with threads that sleep when they wait and no model hub asked for anything.

    Spinning OpenMP threads triple the step time beside a busy neighbour (docs/benchmarks.md).
    """
    # A new interpreter starts with the environment as it is; only what is not set by the administrator is added.
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        # What libraries say to their developers, and bars that redraw themselves, bury what the run itself says.
        "PYTHONWARNINGS": "ignore::FutureWarning,ignore::DeprecationWarning",
        "TQDM_DISABLE": "1",
        **os.environ,
    }


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
