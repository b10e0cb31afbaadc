"""Several processes that train one model together: the first is the job, the others follow it.

They find each other by the variables torchrun sets (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT; torch,
"Elastic Launch"). A job that was started plainly sets them itself and starts its followers, which end with it. Only the
first process writes: events, checkpoints' names, measurements. Gradients are averaged by DistributedDataParallel, over
gloo on processors and nccl on cards (unmeasured here).
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from engine.errors import EngineError
from engine.process import engine_argv, tie_to_parent

# A follower waits while the first process measures, which may take long.
PATIENCE_S = 24 * 3600
# So long this process may take to notice by itself that another is gone.
GRACE_S = 15.0


def rank() -> int:
    """Which of the processes this is: 0 is the job itself."""
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    """How many processes train this model together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextlib.contextmanager
def followed(run_dir: Path, processes: int, give_up: Callable[[EngineError], NoReturn]) -> Iterator[None]:
    """While inside, ``processes`` - 1 others follow this one; none where torchrun has started them already.

    Raises EngineError("Lost") when one of them ended by itself. This process may wait for it where no exception
    reaches it (meeting the others, say): then ``give_up`` is called in a thread, after some seconds.
    """
    if processes < 2 or "RANK" in os.environ:
        yield
        return
    shared = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    os.environ.update(shared | {"RANK": "0", "LOCAL_RANK": "0"})
    followers = []
    over = threading.Event()
    try:
        for each in range(1, processes):
            followers.append(_follow(run_dir, {**os.environ, "RANK": str(each), "LOCAL_RANK": str(each)}))
        threading.Thread(target=_watch, args=(followers, over, give_up), daemon=True).start()
        try:
            yield
        except RuntimeError as error:  # the library's word for a broken connection, too
            raise _lost(followers, patience_s=2.0) or error from error
    finally:
        over.set()
        for follower in followers:
            follower.kill()
            follower.wait()


def agree(*words: bool) -> tuple[bool, ...]:
    """What the first process says, known to all afterwards. Without followers: what it was given."""
    if world() < 2:
        return words
    import torch
    from torch import distributed

    said = torch.tensor([float(word) for word in words])
    said = said.cuda() if distributed.get_backend() == "nccl" else said
    distributed.broadcast(said, src=0)
    return tuple(bool(word) for word in said.tolist())


def total(count: int) -> int:
    """The sum of what each process counted."""
    if world() < 2:
        return count
    import torch
    from torch import distributed

    counted = torch.tensor([float(count)], dtype=torch.float64)
    counted = counted.cuda() if distributed.get_backend() == "nccl" else counted
    distributed.all_reduce(counted)
    return int(counted.item())


def _follow(run_dir: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    """Its output goes where ours goes: the log of the run."""
    return subprocess.Popen(engine_argv("train", str(run_dir)), env=env, preexec_fn=tie_to_parent())


def _watch(
    followers: list[subprocess.Popen[bytes]], over: threading.Event, give_up: Callable[[EngineError], NoReturn]
) -> None:
    while not over.wait(0.5):
        if _lost(followers) and not over.wait(GRACE_S):
            error = _lost(followers)
            if error is not None:
                give_up(error)


def _lost(followers: list[subprocess.Popen[bytes]], patience_s: float = 0.0) -> EngineError | None:
    """A connection breaks a moment before its process has ended: hence the patience."""
    until = time.monotonic() + patience_s
    while all(follower.poll() is None for follower in followers) and time.monotonic() < until:
        time.sleep(0.02)
    for place, follower in enumerate(followers, start=2):
        code = follower.poll()
        if code is not None:
            found = f"Process {place} of {len(followers) + 1} ended by itself (exit code {code})."
            return EngineError("Lost", found, "Read the log of this run. If memory ran out, use fewer processes.")
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
