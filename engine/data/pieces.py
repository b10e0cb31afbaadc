"""A byte stream cut into lines, with memory bounded by one block and one line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgspec

from engine.data.diagnose import MAX_LINE_BYTES, Diagnosis, too_long
from engine.data.sniff import BOM

BLOCK_BYTES = 1 << 20
HEAD_KEPT = 1024
# Maps every digit to "9" and all else to a blank: a run of 19 digits is then one substring search a block.
_DIGITS = bytes(0x39 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
_RUN = b"9" * 19


class Piece(msgspec.Struct, gc=False):
    """One line or array element. ``raw`` is None when it cannot be held or read; then ``fault`` says why and
    ``head`` has its start. ``suspect`` says that a number in it may not fit in 64 bits."""

    number: int
    line: int
    offset: int
    length: int
    raw: bytes | None
    suspect: bool
    head: bytes = b""
    fault: Diagnosis | None = None


@dataclass
class Tally:
    """What was seen of the file so far. ``lines`` counts physical lines, or elements of an array."""

    lines: int = 0
    blank: int = 0
    bytes_read: int = 0
    bom: bool = False
    crlf: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        return str(self.digest.hexdigest())


def blocks(file: BinaryIO, tally: Tally, first: bool = True) -> Iterator[bytes]:
    """The file in blocks of 1 MiB, without a leading byte order mark; keeps the tally of bytes and the digest."""
    while block := file.read(BLOCK_BYTES):
        tally.bytes_read += len(block)
        tally.digest.update(block)
        if first and block.startswith(BOM):
            tally.bom, block = True, block[len(BOM) :]
        first = False
        yield block


def has_long_number(block: bytes) -> bool:
    return _RUN in block.translate(_DIGITS)


def split_lines(file: BinaryIO, tally: Tally, offset: int = 0) -> Iterator[Piece]:
    """The lines of ``file`` that are not blank. Only a line feed ends a line (U+2028 and CR do not). ``offset``: where
    ``file`` begins, when it is a stretch of another."""
    carry, skipped, head = b"", 0, b""
    for block in blocks(file, tally, first=not offset):
        if not offset and tally.bom:
            offset = len(BOM)
        parts = block.split(b"\n")
        if len(parts) > 1:
            parts[0] = carry + parts[0]
            carry = b""
            suspicious = has_long_number(block) or has_long_number(parts[0])
            tally.crlf += sum(1 for part in parts[:-1] if part.endswith(b"\r")) if b"\r" in block else 0
            tail = parts.pop()
            number = tally.lines
            for raw in parts:
                length = len(raw) + skipped
                number += 1
                if skipped or length > MAX_LINE_BYTES:
                    yield unreadable(number, offset, length, head or raw[:HEAD_KEPT])
                    skipped, head = 0, b""
                elif raw and not raw.isspace():
                    yield Piece(number, number, offset, length, raw, suspicious and has_long_number(raw))
                else:
                    tally.blank += 1
                offset += length + 1
            tally.lines = number
        else:
            tail = parts[0]
        carry += tail
        if len(carry) > MAX_LINE_BYTES or (skipped and carry):
            head = head or carry[:HEAD_KEPT]
            skipped, carry = skipped + len(carry), b""
    yield from _last_line(carry, skipped, head, offset, tally)


def unreadable(number: int, offset: int, length: int, head: bytes) -> Piece:
    return Piece(number, number, offset, length, None, False, head, too_long(length))


def _last_line(carry: bytes, skipped: int, head: bytes, offset: int, tally: Tally) -> Iterator[Piece]:
    if not carry and not skipped:
        return  # the file ended with a line feed, as it should
    tally.lines += 1
    if skipped:
        yield unreadable(tally.lines, offset, skipped, head)
    elif carry.isspace():
        tally.blank += 1
    else:
        yield Piece(tally.lines, tally.lines, offset, len(carry), carry, has_long_number(carry))
