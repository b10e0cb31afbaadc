"""A byte stream cut into lines, with memory bounded by one block and one line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

import msgspec

from engine.data.diagnose import MAX_LINE_BYTES, Diagnosis, too_long
from engine.data.sniff import BOM

# Few enough rows at once that they are still in the processor's cache when they are looked at: twice as fast as 1 MiB.
BLOCK_BYTES, LINES_AT_ONCE = 64 << 10, 64
HEAD_KEPT = 1024
# Maps every digit to "9" and all else to a blank: a run of 19 digits is then one substring search a block. Every sixth
# byte alone nearly always shows that there is none: three of them in a row would be digits.
_DIGITS = bytes(0x39 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
_RUN, _STEP, _STEPS = b"9" * 19, 6, b"9" * 3


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


class Lines(NamedTuple):
    """Neighbouring lines, blank ones among them; ``number`` and ``offset`` are of the first. ``suspect``: as above, of
    any of them."""

    number: int
    offset: int
    raws: list[bytes]
    suspect: bool


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
    """The file in blocks, without a leading byte order mark; keeps the tally of bytes and the digest."""
    while block := file.read(BLOCK_BYTES):
        tally.bytes_read += len(block)
        tally.digest.update(block)
        if first and block.startswith(BOM):
            tally.bom, block = True, block[len(BOM) :]
        first = False
        yield block


def has_long_number(block: bytes) -> bool:
    return _STEPS in block[::_STEP].translate(_DIGITS) and _RUN in block.translate(_DIGITS)


def split_lines(file: BinaryIO, tally: Tally, offset: int = 0) -> Iterator[Lines | Piece]:
    """The lines of ``file``, some at a time, but for those that cannot be held: these come as pieces. Only a line feed
    ends a line (U+2028 and CR do not). ``offset``: where ``file`` begins, when it is a stretch of another."""
    carry: list[bytes] = []
    held = skipped = 0
    head = b""
    for block in blocks(file, tally, first=not offset):
        if not offset and tally.bom:
            offset = len(BOM)
        raws = block.split(b"\n")
        if len(raws) > 1:
            tally.crlf += block.count(b"\r\n") + (held > 0 and block[:1] == b"\n" and carry[-1].endswith(b"\r"))
            raws[0] = b"".join([*carry, raws[0]])
            carry, held = [], 0
            tail = raws.pop()
            suspect = has_long_number(block) or has_long_number(raws[0])
            if skipped or len(raws[0]) > MAX_LINE_BYTES:
                tally.lines += 1
                length = len(raws[0]) + skipped
                yield unreadable(tally.lines, offset, length, head or raws[0][:HEAD_KEPT])
                offset += length + 1
                del raws[0]
                skipped, head = 0, b""
            for lines in _some(raws, offset, tally, suspect):
                yield lines
                offset = lines.offset + sum(map(len, lines.raws)) + len(lines.raws)
        else:
            tail = block
        if tail:
            carry.append(tail)
            held += len(tail)
        if held > MAX_LINE_BYTES or (skipped and held):
            head = head or b"".join(carry)[:HEAD_KEPT]
            skipped, held, carry = skipped + held, 0, []
    yield from _last_line(b"".join(carry), skipped, head, offset, tally)


def _some(raws: list[bytes], offset: int, tally: Tally, suspect: bool) -> Iterator[Lines]:
    for start in range(0, len(raws), LINES_AT_ONCE):
        part = raws[start : start + LINES_AT_ONCE]
        lines = Lines(tally.lines + 1, offset, part, suspect)
        tally.lines += len(part)
        yield lines
        offset += sum(map(len, part)) + len(part)


def unreadable(number: int, offset: int, length: int, head: bytes) -> Piece:
    return Piece(number, number, offset, length, None, False, head, too_long(length))


def _last_line(carry: bytes, skipped: int, head: bytes, offset: int, tally: Tally) -> Iterator[Lines | Piece]:
    if not carry and not skipped:
        return  # the file ended with a line feed, as it should
    tally.lines += 1
    if skipped:
        yield unreadable(tally.lines, offset, skipped, head)
    else:
        yield Lines(tally.lines, offset, [carry], has_long_number(carry))
