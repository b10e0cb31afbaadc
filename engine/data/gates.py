"""One scan of a row for all checks at once: which of them could find anything in it?

A check may name a ``GATE``: a looser pattern over the UTF-8 bytes of a row, without case, that matches wherever the
check finds something (tests hold it to that); its ``look`` is then given only the rows that pass. Hyperscan looks for
all gates in one pass, so that a clean row costs a further check nothing. Where Hyperscan is not installed every row
passes every gate: the same findings, more slowly.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

OPEN = -1  # all bits: passes every gate
COMPILED_AFTER = 3000  # rows


class Gates:
    """``scan`` gives the gates a text passes as bits; ``bit`` is that of one gate. Gates are named by their checks."""

    def __init__(self, patterns: dict[str, str | tuple[str, ...]]) -> None:
        self._bits = {name: 1 << place for place, name in enumerate(patterns)}
        several = [(name, (held,) if isinstance(held, str) else held) for name, held in patterns.items()]
        self._patterns = [pattern for _, held in several for pattern in held]
        self._bit_of = [self._bits[name] for name, held in several for _ in held]
        self._database: Any = None
        self._until_compiled = COMPILED_AFTER
        self._passed = 0

    def compile(self) -> None:
        """Takes seconds the first time; without it the first rows pass every gate: a small file does not wait."""
        self._until_compiled = 0
        self._database = _compile(self._patterns)

    @property
    def compiled(self) -> bool:
        return self._database is not None

    def bit(self, name: str) -> int:
        """0 for a name without a gate."""
        return self._bits.get(name, 0)

    def scan(self, text: bytes) -> int:
        if not self._patterns:
            return OPEN
        if self._database is None:
            self._until_compiled -= 1
            if not self._until_compiled:
                self.compile()
            return OPEN
        self._passed = 0
        self._database.scan(text, match_event_handler=self._note)
        return self._passed

    def _note(self, place: int, start: int, end: int, flags: int, context: Any) -> None:
        self._passed |= self._bit_of[place]


def loosen(pattern: str) -> str:
    """A gate for text that ``pattern`` is looked for in: every byte outside ASCII may be a letter, a blank or an
    apostrophe, and takes up to three bytes where characters are counted."""
    loose, inside, place = [], False, 0
    pattern = re.sub(r"(?<=[\].])\{(\d+),(\d+)\}", lambda bounds: f"{{{bounds[1]},{3 * int(bounds[2])}}}", pattern)
    while place < len(pattern):
        part = pattern[place : place + 2] if pattern[place] == "\\" else pattern[place]
        place += len(part)
        if part in ("[", "]"):
            inside = part == "["
        if part in (r"\w", r"\s"):
            part = rf"{part}\x80-\xff" if inside else rf"[{part}\x80-\xff]"
        elif part == "'" and not inside:
            part = r"(?:['`]|\xe2\x80[\x98\x99])"
        loose.append(part)
    return "".join(loose)


def _compile(patterns: list[str]) -> Any:
    try:
        import hyperscan
    except ImportError:
        return None
    if not patterns:
        return None
    flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
    flags |= hyperscan.HS_FLAG_PREFILTER  # what it cannot do, such as looking ahead, it leaves out: looser still
    kept = _kept_as(f"{version('hyperscan')} {flags} {patterns}")
    try:
        database = hyperscan.loadb(kept.read_bytes(), hyperscan.HS_MODE_BLOCK) if kept else None
    except (OSError, hyperscan.HyperscanError):  # not kept yet, half a file (it has a checksum), or another processor's
        database = None
    if database is not None:
        database.scratch = hyperscan.Scratch(database)
        return database
    database = hyperscan.Database()
    database.compile(
        expressions=[pattern.encode("ascii") for pattern in patterns],
        ids=list(range(len(patterns))),
        elements=len(patterns),
        flags=[flags] * len(patterns),
    )
    if kept:
        _keep(kept, hyperscan.dumpb(database))
    return database


def _kept_as(what: str) -> Path | None:
    """The file that holds what was compiled of exactly this; None where the workbench has no folder of its own."""
    home = os.environ.get("WORKBENCH_HOME")
    return Path(home) / "cache" / f"gates-{hashlib.sha256(what.encode()).hexdigest()[:16]}.bin" if home else None


def _keep(path: Path, compiled: bytes) -> None:
    """In one step, and for one's own eyes: it is run as it stands. A folder that cannot be written keeps nothing."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(compiled)
        Path(file.name).replace(path)
        for other in path.parent.glob("gates-*.bin"):  # of earlier versions
            if other != path:
                other.unlink(missing_ok=True)
    except OSError:
        return
