"""Files of one line a result, that a job appends to and reads again when it goes on after a stop."""

from __future__ import annotations

from pathlib import Path


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a file, without their ends; a last one that was not written whole is cut off the file. None where
    there is no file."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)
    return data[:whole].splitlines()
