"""Answers that were generated once, kept for every later evaluation: one SQLite file that jobs share. No torch.

A key names everything an answer depends on (engine/evaluation/store_keys.py) but the limit of tokens: an answer that
ended by itself below a limit is the answer under that limit too.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MOST_BYTES = 2 << 30
_KEEP_SHARE = 0.9
_LOOK_EVERY = 200
"""Answers put in between two looks at the size."""
_TOUCH_S = 24 * 3600.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL, bytes INTEGER NOT NULL,
                                    used REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_used ON answers (used);
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INTEGER NOT NULL, changed INTEGER NOT NULL,
                                  sha256 TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was generated, with what was measured then."""

    text: str
    tokens_in: int
    tokens_out: int
    ended: bool
    limit: int
    """max_new_tokens it was generated under."""
    seconds: float
    first_s: float | None
    batch: int
    alone: bool
    """Whether its seconds are the latency of a request alone."""
    share_s: float
    """Seconds of the machine it took: those of its batch, divided by the rows in it."""
    cut: bool = False
    """Whether the prompt lost its beginning, which depends on the limit."""

    def serves(self, limit: int) -> bool:
        """Whether it is what would be generated under another limit of tokens, the end token counted."""
        return limit == self.limit or (self.ended and not self.cut and self.tokens_out < limit)


class Store:
    """Used from several threads, and by several jobs at once. ``path`` None: in memory, for this job alone."""

    def __init__(self, path: Path | None, most_bytes: int | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._most = most_bytes or MOST_BYTES
        self._lock = threading.Lock()
        self._put = 0
        self._file = sqlite3.connect(path or ":memory:", timeout=30, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        self._file.executescript(_SCHEMA)

    def get(self, key: str, limit: int) -> Kept | None:
        """The answer of this key, where it is one under this limit too."""
        with self._lock:
            row = self._file.execute("SELECT answer, used FROM answers WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            if time.time() - row[1] > _TOUCH_S:
                self._file.execute("UPDATE answers SET used = ? WHERE key = ?", (time.time(), key))
        kept = Kept(**json.loads(row[0]))
        return kept if kept.serves(limit) else None

    def put(self, key: str, kept: Kept) -> None:
        """Keeps an answer; one that was measured alone is not replaced by one that was not."""
        text = json.dumps(asdict(kept))
        with self._lock:
            known = self._file.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
            if known is not None and not kept.alone:
                old = Kept(**json.loads(known[0]))
                if old.alone and old.serves(kept.limit):
                    return
            self._file.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", (key, text, len(text) + len(key), time.time())
            )
            self._put += 1
            if self._put % _LOOK_EVERY == 1:
                self._make_room()

    def known(self, keys: Sequence[str]) -> int:
        """How many of the keys have an answer, whatever its limit."""
        found = 0
        with self._lock:
            for first in range(0, len(keys), 500):
                part = keys[first : first + 500]
                marks = ",".join("?" * len(part))
                query = f"SELECT key FROM answers WHERE key IN ({marks})"  # noqa: S608 (marks only)
                there = {row[0] for row in self._file.execute(query, part)}
                found += sum(key in there for key in part)
        return found

    def known_hash(self, path: Path) -> str | None:
        """The SHA-256 of a file, where it was read before and has not changed since."""
        facts = path.stat()
        with self._lock:
            row = self._file.execute(
                "SELECT sha256 FROM files WHERE path = ? AND size = ? AND changed = ?",
                (str(path), facts.st_size, facts.st_mtime_ns),
            ).fetchone()
        return None if row is None else str(row[0])

    def keep_hash(self, path: Path, size: int, changed: int, sha256: str) -> None:
        with self._lock:
            self._file.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", (str(path), size, changed, sha256))

    def close(self) -> None:
        self._file.close()

    def _make_room(self) -> None:
        """Drops what was not used for longest once the answers are larger than they may be."""
        held = self._file.execute("SELECT coalesce(sum(bytes), 0) FROM answers").fetchone()[0]
        if held <= self._most:
            return
        over = held - int(self._most * _KEEP_SHARE)
        gone = []
        for key, size in self._file.execute("SELECT key, bytes FROM answers ORDER BY used, key"):
            gone.append((key,))
            over -= size
            if over <= 0:
                break
        self._file.executemany("DELETE FROM answers WHERE key = ?", gone)


def open_store(path: Path) -> Store | None:
    """The store for one who only looks; None where no evaluation has made it yet."""
    return Store(path) if path.exists() else None
