"""Packed rows (gzip, CSV, Parquet) as a plain file that can be read from any offset.

A dataset version is unpacked once, when it is uploaded; a command that is given a packed file unpacks it beside.
"""

from __future__ import annotations

import argparse
import json
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.data.containers import load
from engine.data.containers.sink import MOST_BYTES, Sink, Watch
from engine.data.errors import FileRefused
from engine.data.sniff import Container, is_gzip, sniff
from engine.job import run_job

REFUSED = 2


@dataclass
class Unpacked:
    """``path`` holds the rows as ``container`` (a table: JSON Lines, with ``lines`` of the source for each row);
    ``via`` names what was opened on the way, outermost first."""

    path: Path
    container: Container
    via: list[str]
    sha256: str
    bytes: int
    rows: int = 0
    uneven: int = 0
    bom: bool = False
    lines: array[int] = field(default_factory=lambda: array("Q"))

    def as_json(self) -> dict[str, Any]:
        """What the version keeps of it; ``heading_lines`` is what to add to the number of a row to get its line in
        the table, null where cells span lines (then only the number of the row is known)."""
        names = ("container", "via", "sha256", "bytes", "rows", "uneven", "bom")
        report = {name: getattr(self, name) for name in names}
        return {"path": str(self.path), **report, "heading_lines": self._heading_lines()}

    def _heading_lines(self) -> int | None:
        if not self.lines:
            return None
        first, last = self.lines[0] - 1, self.lines[-1] - self.rows
        # Lines only grow, so a difference that is the same at both ends is the same all the way.
        return first if first == last else None


def unpack(
    source: Path, folder: Path, name: str = "", most: int = MOST_BYTES, watch: Watch | None = None
) -> Unpacked | None:
    """Writes what ``source`` holds into ``folder``; None when it is plain already. ``name`` is the name it came with.
    ``watch`` hears of the progress of each container in turn, and may raise to end the work.

    Raises FileRefused for what cannot be unpacked, holds another archive, or would exceed ``most`` bytes.
    """
    name = name or source.name
    if is_gzip(source):
        outer = _open("gzip", source, folder / "unpacked", most, watch)
        try:
            held = sniff(outer.path, name[:-3] if name.lower().endswith(".gz") else name)
        except FileRefused as error:
            raise FileRefused(error.kind, f"Inside the gzip archive: {error.found}", error.remedy) from None
        if held == "gzip":
            found = "Inside the gzip archive there is another gzip archive."
            raise FileRefused("gzip", found, "Unpack it (gunzip FILE) and upload what is inside.")
        outer.container = held
        if held not in ("csv", "parquet"):
            return outer
        inner = _open(held, outer.path, folder / "rows.jsonl", most, watch)
        outer.path.unlink()
        inner.via = ["gzip", held]
        return inner
    held = sniff(source, name)
    return _open(held, source, folder / "rows.jsonl", most, watch) if held in ("csv", "parquet") else None


def _open(container: Container, source: Path, target: Path, most: int, watch: Watch | None) -> Unpacked:
    with target.open("wb") as file:
        sink = Sink(file, most, watch)
        load(container).unpack(source, sink)
    return Unpacked(
        target, container, [container], sink.sha256, sink.bytes, sink.rows, sink.uneven, sink.bom, sink.lines
    )


def unpack_main(argv: list[str]) -> int:
    """``unpack FILE FOLDER [--name NAME] [--most-bytes N]``: what a file holds, as rows in FOLDER; prints JSON.
    ``unpack RUN_DIR``: the same as a run directory of kind unpack says.

    Exit codes: 0 with ``path`` (null: the file is plain already), 2 refused.
    """
    parser = argparse.ArgumentParser(prog="python -m engine unpack")
    parser.add_argument("file", type=Path, metavar="FILE|RUN_DIR")
    parser.add_argument("folder", type=Path, metavar="FOLDER", nargs="?", help="where the rows of FILE go")
    parser.add_argument("--name", default="", help="the name the file came with")
    parser.add_argument("--most-bytes", type=int, default=MOST_BYTES, help="refuse what unpacks to more")
    options = parser.parse_args(argv)
    if options.file.is_dir():
        from engine.data.unpacking import unpack_body

        return run_job(options.file, unpack_body)
    if options.folder is None:
        parser.error("FILE needs a FOLDER for its rows")
    try:
        made = unpack(options.file, options.folder, options.name, options.most_bytes)
    except FileRefused as error:
        print(json.dumps({"refused": error.as_json()}))
        return REFUSED
    if made is None:
        print(json.dumps({"path": None}))
        return 0
    print(json.dumps(made.as_json()))
    return 0
