"""Rows written in the form of another tool, one at a time. A row the form has no place for is counted and named."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import orjson

from engine.data.errors import FileRefused, RowProblem
from engine.data.exports import FORMS, load
from engine.data.exports.limits import Inexpressible
from engine.data.formats import detect, to_example
from engine.data.mask import mask_all, mask_text
from engine.data.records import Problem, Reader
from engine.data.sniff import Container

LINES_KEPT = 20


class Left(msgspec.Struct, frozen=True):
    """A row that stays behind: its line, why in a few words (what is counted), and what was found there."""

    line: int
    reason: str
    found: str


@dataclass
class Export:
    """Iterate for the lines of the file (with their line feeds) and, in between, for the rows left out; the counts
    are complete once it has ended. ``mask`` hides personal data and secrets, as pages do. Raises FileRefused, and
    KeyError for a form that is not in the table."""

    path: Path
    form: str
    name: str = ""
    container: Container | None = None
    mask: bool = False
    rows_in: int = 0
    rows_out: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[int]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[bytes | Left]:
        form = load(self.form)
        write: Callable[[dict[str, Any]], bytes] = getattr(form, "write", _as_json)
        if head := getattr(form, "HEAD", b""):
            yield head
        for record in Reader(self.path, self.container, self.name):
            self.rows_in += 1
            if isinstance(record, Problem):
                yield self._leave(record.line, "unusable rows", record.found)
                continue
            try:
                row = form.row(to_example(record.row, detect(record.row)))
            except RowProblem as problem:
                yield self._leave(record.line, "unusable rows", mask_text(problem.found))
            except Inexpressible as problem:
                yield self._leave(record.line, problem.reason, f"{form.TITLE} has no place for {problem.reason}.")
            else:
                self.rows_out += 1
                yield write(mask_all(row) if self.mask else row)

    def _leave(self, line: int, reason: str, found: str) -> Left:
        self.left_out[reason] += 1
        lines = self.lines.setdefault(reason, [])
        if len(lines) < LINES_KEPT:
            lines.append(line)
        return Left(line, reason, found)

    def report(self) -> dict[str, object]:
        """The counts as one document: rows_in, rows_out, left_out [{reason, count, lines}], the commonest first."""
        left = [
            {"reason": reason, "count": count, "lines": self.lines[reason]}
            for reason, count in sorted(self.left_out.items(), key=lambda item: (-item[1], item[0]))
        ]
        return {"form": self.form, "rows_in": self.rows_in, "rows_out": self.rows_out, "left_out": left}


def _as_json(row: dict[str, Any]) -> bytes:
    return orjson.dumps(row) + b"\n"


def export_main(argv: list[str]) -> int:
    """``export FILE --form FORM --out FILE [--unmasked]``: writes the rows, prints the report as JSON.

    Exit codes: 0, 2 refused."""
    parser = argparse.ArgumentParser(prog="python -m engine export")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--form", choices=list(FORMS), required=True)
    parser.add_argument("--out", type=Path, required=True, help="the JSON Lines file to write")
    parser.add_argument("--unmasked", action="store_true", help="leave personal data and secrets as they are")
    options = parser.parse_args(argv)
    export = Export(options.file, options.form, mask=not options.unmasked)
    part = options.out.with_name(options.out.name + ".part")
    try:
        with part.open("wb") as file:
            for item in export:
                if isinstance(item, bytes):
                    file.write(item)
    except FileRefused as error:
        part.unlink(missing_ok=True)
        print(f"Refused: {error.found} {error.remedy}", file=sys.stderr)
        return 2
    part.replace(options.out)
    print(json.dumps(export.report(), indent=2, ensure_ascii=True))
    return 0
