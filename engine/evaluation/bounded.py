"""Work on what users wrote (an expression, a schema), in a process of its own that time and memory bound.

A library can promise much about an expression language; that none of it ever hangs is promised by the system: the
child's processor time is limited by a timer whose signal ends it, its memory by RLIMIT_AS, and the parent stops
waiting. A child that ended is started again at the next question. No torch, the web may import it.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

CPU_SECONDS = 1.0
"""Of processor time, a question."""
LONGEST_WAIT_S = 20.0
"""By the clock; a machine with much else to do needs more of it than of processor time, and the first start too."""
MEMORY = 1 << 30
MOST_ANSWER = 1 << 20
_ROOT = Path(__file__).resolve().parents[2]
# What may be asked: name → module and function. Arguments and answers are JSON.
WORK: dict[str, str] = {
    "expression": "engine.evaluation.expressions:evaluate",
    "expression_problem": "engine.evaluation.expressions:problem_of",
    "schema": "engine.evaluation.schemas:complies",
    "schema_problem": "engine.evaluation.schemas:problem_of",
}


class WorkProblem(Exception):
    """The question has no answer. ``line`` and ``column`` count from 1, where the place is known. ``bound`` says that
    time or memory ran out."""

    def __init__(self, text: str, line: int | None = None, column: int | None = None, *, bound: bool = False) -> None:
        super().__init__(text)
        self.text, self.line, self.column, self.bound = text, line, column, bound

    @property
    def where(self) -> str:
        return "" if self.line is None else f"line {self.line}, column {self.column}: "


class Worker:
    """One child; threads take turns."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def ask(self, work: str, *arguments: Any) -> Any:
        """The answer of one of WORK. Raises WorkProblem."""
        question = json.dumps([work, list(arguments)]).encode() + b"\n"
        with self._lock:
            child = self._running()
            try:
                answer = _exchange(child, question)
            except (OSError, EOFError):
                raise WorkProblem(self._ended(child), bound=True) from None
        document = json.loads(answer)
        if "problem" in document:
            raise WorkProblem(
                document["problem"], document.get("line"), document.get("column"), bound=document.get("bound", False)
            )
        return document["answer"]

    def close(self) -> None:
        with self._lock:
            if self._child is not None:
                _end(self._child)
                self._child = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
            self._child = subprocess.Popen(
                [sys.executable, "-c", "from engine.evaluation.bounded import main; main()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=_ROOT,
                env=environment,
                bufsize=0,
            )
        return self._child

    def _ended(self, child: subprocess.Popen[bytes]) -> str:
        _end(child)
        self._child = None
        if child.returncode == -signal.SIGPROF:
            return f"It needed more than {CPU_SECONDS:g} s of processor time and was stopped."
        return "It needed more time or memory than it may have and was stopped."


@cache
def shared() -> Worker:
    """The worker of this process; it ends with it, for its input ends then."""
    return Worker()


def _exchange(child: subprocess.Popen[bytes], question: bytes) -> bytes:
    """Write a line, read a line. Raises OSError or EOFError when the child is gone or takes too long."""
    assert child.stdin is not None and child.stdout is not None
    deadline = time.monotonic() + LONGEST_WAIT_S
    left = memoryview(question)
    descriptor, answer = child.stdout.fileno(), bytearray()
    os.set_blocking(child.stdin.fileno(), False)
    while not answer.endswith(b"\n"):
        room = deadline - time.monotonic()
        ready, open_, _ = select.select([descriptor], [child.stdin] if left else [], [], max(0.0, room))
        if not ready and not open_:
            raise EOFError
        if open_:
            left = left[os.write(child.stdin.fileno(), left[: 1 << 16]) :]
        if ready:
            piece = os.read(descriptor, 1 << 16)
            answer += piece
            if not piece or len(answer) > MOST_ANSWER:
                raise EOFError
    return bytes(answer)


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        child.kill()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    child.wait()


def answer_of(work: str, arguments: list[Any]) -> dict[str, Any]:
    """What the child writes: the answer, or the problem and its place."""
    module, function = WORK[work].split(":")
    try:
        return {"answer": getattr(import_module(module), function)(*arguments)}
    except WorkProblem as problem:
        return {"problem": problem.text, "line": problem.line, "column": problem.column}
    except RecursionError:
        return {"problem": "It is nested too deeply.", "bound": True}
    except MemoryError:
        return {"problem": f"It needed more than {MEMORY >> 20} MB of memory.", "bound": True}


def main() -> None:
    """Answers questions, one a line, until its input ends."""
    with suppress(ValueError, OSError):  # some systems know no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for work in WORK.values():
        import_module(work.split(":")[0])  # loading is not part of the first question's time
    for line in sys.stdin.buffer:
        work, arguments = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        found = answer_of(work, arguments)
        written = json.dumps(found).encode() + b"\n"
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
