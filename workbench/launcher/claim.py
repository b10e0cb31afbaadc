"""One launcher per home folder: a lock that ends with its process, and a file that tells where to reach it."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from engine import process


@dataclass
class Facts:
    """What the running launcher tells about itself. `children` holds (name, pid, start time) of each child."""

    pid: int
    port: int
    children: list[tuple[str, int, float]] = field(default_factory=list)


class Claim:
    """The right to run the workbench of one home folder. Given up when the process ends, however it ends."""

    def __init__(self, home: Path) -> None:
        self.facts_file = home / "launcher.json"
        self._lock_file = home / "launcher.lock"
        self._lock: IO[str] | None = None

    def take(self) -> bool:
        """Whether the home folder is ours now; False when another launcher has it."""
        self._lock_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = self._lock_file.open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def read(self) -> Facts | None:
        """What the last launcher wrote, whether it still runs or not."""
        try:
            found = json.loads(self.facts_file.read_text(encoding="utf-8"))
            children = [(str(name), int(pid), float(began)) for name, pid, began in found["children"]]
            return Facts(pid=int(found["pid"]), port=int(found["port"]), children=children)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, facts: Facts) -> None:
        """Renamed into place, so that a reader never sees half of it."""
        written = self.facts_file.with_suffix(".new")
        written.write_text(json.dumps(asdict(facts)), encoding="utf-8")
        written.replace(self.facts_file)

    def give_up(self) -> None:
        """Say that nothing runs here any more. The lock goes last: who gets it finds nothing left over."""
        self.facts_file.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def end_leftovers(self) -> list[str]:
        """End what a killed launcher left behind (where the system cannot do that by itself); their names."""
        facts = self.read()
        ended = []
        for name, pid, began in facts.children if facts else []:
            identity = process.Identity(pid, began)
            if pid != os.getpid() and process.alive(identity):
                process.end(identity, grace_s=5)
                ended.append(name)
        return ended
