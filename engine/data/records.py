"""Bytes → Record | Problem: a strict RFC 8259 reader over a stream, with bounded memory and physical line numbers.

Every line that is not blank comes out as exactly one of the two, so that ``lines = blank + usable + unusable``
always adds up. UTF-8 only; a byte order mark and CRLF are accepted and counted.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import orjson

from engine.data.arrays import split_array
from engine.data.containers import CONTAINERS
from engine.data.diagnose import Diagnosis, diagnose, not_an_object, too_long
from engine.data.mask import excerpt, mask_text
from engine.data.pieces import Lines, Piece, Tally, has_long_number, split_lines
from engine.data.sniff import Container, sniff
from engine.data.unpack import Unpacked, unpack

CANONICAL = orjson.OPT_SORT_KEYS
_ESCAPED_QUOTE = b"\\u0022"


class Record(msgspec.Struct):
    """One JSON object. ``number`` counts lines (array: elements) from 1; ``line`` is the physical line it begins on;
    ``offset`` and ``length`` are bytes. ``canonical`` is the same object with sorted keys and no white space."""

    number: int
    line: int
    offset: int
    length: int
    row: dict[str, Any]
    raw: bytes
    canonical: bytes

    @property
    def row_id(self) -> str:
        return hashlib.sha256(self.canonical).hexdigest()


class Problem(msgspec.Struct):
    """One line that is not a row. ``code`` is a finding code, ``kind`` tells apart what the code covers."""

    line: int
    offset: int
    code: str
    found: str
    remedy: str
    excerpt: str
    number: int = 0
    length: int = 0
    kind: str = ""


class Reader:
    """Iterates over a file's records and problems. ``tally`` is complete once the iteration has ended.

    A packed file (gzip, CSV, Parquet) is unpacked beside, for as long as the reader lives: ``path``, offsets and the
    tally are of what was inside; the lines of a table stay those of the table. A ``container`` that is given is not
    looked at again. Raises FileRefused when the file does not hold rows at all.
    """

    def __init__(self, path: Path, container: Container | None = None, name: str = "") -> None:
        self.source = self.path = path
        self.container: Container = container or sniff(path, name)
        self.tally = Tally()
        self.unpacked: Unpacked | None = None
        if self.container in CONTAINERS:
            folder = Path(tempfile.mkdtemp(prefix="rows-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self.unpacked = unpack(path, folder, name)
        if self.unpacked is not None:
            self.path, self.container = self.unpacked.path, self.unpacked.container

    def __iter__(self) -> Iterator[Record | Problem]:
        with self.path.open("rb") as file:
            if self.container == "json_array":
                yield from map(json_piece, split_array(file, self.tally))
            else:
                yield from self.stretch(file, self.tally)

    def stretch(self, file: BinaryIO, tally: Tally, offset: int = 0) -> Iterator[Record | Problem]:
        """The records and problems of the lines of ``file``, a stretch of this one that begins at ``offset``."""
        return chain.from_iterable(self.chunks(file, tally, offset))

    def chunks(self, file: BinaryIO, tally: Tally, offset: int = 0) -> Iterator[list[Record | Problem]]:
        """The same, a block's at a time."""
        read_lines = partial(_each, text_piece) if self.container == "text" else json_lines
        lines = self.unpacked.lines if self.unpacked else None
        for part in split_lines(file, tally, offset):
            items = read_lines(part, tally) if isinstance(part, Lines) else [json_piece(part)]
            yield _on_lines(items, lines) if lines else items


def _on_lines(items: list[Record | Problem], lines: Sequence[int]) -> list[Record | Problem]:
    for item in items:
        item.line = lines[item.number - 1]
    return items


def read(path: Path, container: Container | None = None) -> Iterator[Record | Problem]:
    """The records and problems of ``path``, in order. Raises FileRefused."""
    yield from Reader(path, container)


def row_id(row: dict[str, Any]) -> str:
    """A row's identity: SHA-256 of its JSON with sorted keys, no white space, UTF-8 (64 hexadecimal digits)."""
    return hashlib.sha256(orjson.dumps(row, option=CANONICAL)).hexdigest()


def json_lines(lines: Lines, tally: Tally) -> list[Record | Problem]:
    """``json_piece`` of each line that is not blank; written out, for this is where all large files come through."""
    loads, dumps, quote = orjson.loads, orjson.dumps, b'"'
    items: list[Record | Problem] = []
    number, offset = lines.number, lines.offset
    doubtful = lines.suspect or _ESCAPED_QUOTE in b"".join(lines.raws)
    for raw in lines.raws:
        length = len(raw)
        try:
            row = loads(raw)
            canonical = dumps(row, None, CANONICAL)
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            row = None
        if type(row) is dict and canonical.count(quote) == raw.count(quote) and not (doubtful and _doubtful(raw)):
            items.append(Record(number, number, offset, length, row, raw, canonical))
        elif raw and not raw.isspace():
            items.append(json_piece(Piece(number, number, offset, length, raw, lines.suspect and has_long_number(raw))))
        else:
            tally.blank += 1
        number += 1
        offset += length + 1
    return items


def _each(read_piece: Callable[[Piece], Record | Problem], lines: Lines, tally: Tally) -> list[Record | Problem]:
    items: list[Record | Problem] = []
    offset = lines.offset
    for number, raw in enumerate(lines.raws, lines.number):
        if raw and not raw.isspace():
            items.append(read_piece(Piece(number, number, offset, len(raw), raw, False)))
        else:
            tally.blank += 1
        offset += len(raw) + 1
    return items


def json_piece(piece: Piece) -> Record | Problem:
    """One line (or array element) as a record, or as the problem it has."""
    raw = piece.raw
    if raw is None:
        return problem(piece, piece.fault or too_long(piece.length))
    try:
        row = orjson.loads(raw)
        canonical = orjson.dumps(row, option=CANONICAL)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        return problem(piece, diagnose(raw) or _parser_says(error))
    if type(row) is not dict:
        return problem(piece, diagnose(raw) or not_an_object(row))
    # Two keys of the same name leave one in the row: the quotes no longer agree, unless some are written \u0022. A
    # second, slower look decides, as it does for numbers that may not fit in 64 bits.
    if canonical.count(b'"') != raw.count(b'"') or piece.suspect or _ESCAPED_QUOTE in raw:
        diagnosis = diagnose(raw)
        if diagnosis:
            return problem(piece, diagnosis)
    return Record(piece.number, piece.line, piece.offset, piece.length, row, raw, canonical)


def _doubtful(raw: bytes) -> bool:
    return _ESCAPED_QUOTE in raw or has_long_number(raw)


def text_piece(piece: Piece) -> Record | Problem:
    """One line of a plain text file as the row ``{"text": line}``."""
    raw = piece.raw
    if raw is None:
        return problem(piece, piece.fault or too_long(piece.length))
    try:
        row = {"text": raw.decode("utf-8").rstrip("\r")}
    except UnicodeDecodeError as error:
        return problem(piece, diagnose(raw) or _parser_says(error))
    return Record(piece.number, piece.line, piece.offset, piece.length, row, raw, orjson.dumps(row, option=CANONICAL))


def problem(piece: Piece, diagnosis: Diagnosis) -> Problem:
    code, kind, found, remedy = diagnosis
    shown = excerpt(piece.raw if piece.raw is not None else piece.head)
    return Problem(piece.line, piece.offset, code, mask_text(found), remedy, shown, piece.number, piece.length, kind)


def _parser_says(error: Exception) -> Diagnosis:
    found = f"Not strict JSON: {str(error)[:120]}."
    return Diagnosis("malformed_json", "syntax", found, "Write the file with a JSON library.")
