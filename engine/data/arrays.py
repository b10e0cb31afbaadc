"""A JSON array in a file, cut into its elements without ever holding the whole of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from engine.data.diagnose import MAX_LINE_BYTES, Diagnosis, too_long
from engine.data.pieces import HEAD_KEPT, Piece, Tally, blocks, has_long_number
from engine.data.sniff import BOM

# A whole string, a bracket, or the quote that opens a string which does not end in this buffer. The possessive
# quantifiers (*+) keep the work linear in the length, whatever the bytes.
_MARKS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]|"', re.DOTALL)
_REST_OF_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_STRUCTURE = re.compile(rb'["\[\]{}]')
_SCALAR_END = re.compile(rb"[,\]\s]")
_NOT_SPACE = re.compile(rb"[^ \t\r\n]")
_STEP = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}

NO_COMMA = Diagnosis("malformed_json", "no_comma", "There is no comma before this element.", "Write the comma.")
NO_ELEMENT = Diagnosis("malformed_json", "no_element", "A comma with no element before it.", "Remove the comma.")
AFTER_END = Diagnosis("malformed_json", "after_end", "Text after the closing bracket of the array.", "Remove it.")
NOT_CLOSED = Diagnosis(
    "malformed_json",
    "truncated",
    "The file ends before the array is closed.",
    "The file may be cut off: write it again, to its closing ].",
)


class _Scanner:
    """Where we are: byte ``at`` of ``buffer`` is byte ``offset`` of the file, on physical line ``line``."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.buffer = b""
        self.at = 0
        self.offset = 0
        self.line = 1
        self.opened = self.closed = self.after_value = False
        # The element being measured: how far its brackets were counted, and how deep they are there.
        self.checked = self.depth = 0
        # An element too long to hold is thrown away as it comes.
        self.skipping = self.in_string = False
        self.head = b""
        self.begun_at = (0, 0)

    def add(self, block: bytes) -> None:
        self.buffer = self.buffer[self.at :] + block
        self.at = 0

    def pass_over(self, end: int) -> None:
        """Moves on to byte ``end`` of the buffer."""
        self.line += self.buffer.count(b"\n", self.at, end)
        self.offset += end - self.at
        self.at = end

    def take(self, end: int, fault: Diagnosis | None = None) -> Piece:
        """Everything up to byte ``end`` of the buffer as one piece."""
        self.tally.lines += 1
        line, offset, length = self.line, self.offset, end - self.at
        raw = self.buffer[self.at : end]
        self.pass_over(end)
        if length > MAX_LINE_BYTES:
            fault = too_long(length)
        if fault:
            return Piece(self.tally.lines, line, offset, length, None, False, raw[:HEAD_KEPT], fault)
        return Piece(self.tally.lines, line, offset, length, raw, has_long_number(raw))


def split_array(file: BinaryIO, tally: Tally) -> Iterator[Piece]:
    """The elements of the one array in ``file``. What does not belong (an element without its comma, text after
    the closing bracket, an element cut off by the end) comes out as a piece with a fault, never as silence."""
    scan = _Scanner(tally)
    for block in blocks(file, tally):
        if tally.bom and not scan.offset:
            scan.offset = len(BOM)
        scan.add(block)
        yield from _elements(scan, ended=False)
    yield from _elements(scan, ended=True)
    if scan.skipping:
        yield _end_skip(scan)
    elif not scan.closed:
        yield scan.take(len(scan.buffer), NOT_CLOSED)


def _elements(scan: _Scanner, ended: bool) -> Iterator[Piece]:
    """Yields every element that is whole in the buffer; leaves the rest of the buffer for more bytes."""
    while True:
        if scan.skipping:
            if not _skip(scan):
                return
            yield _end_skip(scan)
        start = _NOT_SPACE.search(scan.buffer, scan.at)
        scan.pass_over(start.start() if start else len(scan.buffer))
        if start is None:
            return
        mark = start[0]
        if not scan.opened:
            scan.opened = True
            scan.pass_over(scan.at + 1)
        elif scan.closed:
            end = _line_end(scan, ended)
            if end < 0:
                return
            yield scan.take(end, AFTER_END)
        elif mark == b"]":
            scan.closed = True
            scan.pass_over(scan.at + 1)
        elif mark == b",":
            if not scan.after_value:
                yield scan.take(scan.at + 1, NO_ELEMENT)
            else:
                scan.pass_over(scan.at + 1)
            scan.after_value = False
        else:
            end = _measure(scan, ended)
            if end >= 0:
                yield scan.take(end, NO_COMMA if scan.after_value else None)
                scan.after_value = True
            elif not scan.skipping:
                return


def _line_end(scan: _Scanner, ended: bool) -> int:
    """Text after the array is given line by line, so that a damaged file cannot grow in memory."""
    end = scan.buffer.find(b"\n", scan.at)
    if end < 0 and (ended or len(scan.buffer) - scan.at > MAX_LINE_BYTES):
        return len(scan.buffer)
    return end


def _measure(scan: _Scanner, ended: bool) -> int:
    """Where the element at ``scan.at`` ends in the buffer; -1 when it does not (too long: skipping begins)."""
    buffer = scan.buffer
    if buffer[scan.at : scan.at + 1] not in (b"{", b"[", b'"'):
        end = _SCALAR_END.search(buffer, scan.at + 1)
        if end is not None:
            return end.start()
        if ended:
            return -1  # cut off: reported as an array that is not closed
    else:
        at = scan.at + scan.checked
        for match in _MARKS.finditer(buffer, at):
            mark = match[0]
            if mark == b'"':
                break
            scan.depth += _STEP.get(mark, 0)
            at = match.end()
            if scan.depth <= 0:
                scan.checked = scan.depth = 0
                return at
        scan.checked = at - scan.at
    if len(buffer) - scan.at > MAX_LINE_BYTES:
        _begin_skip(scan)
    return -1


def _begin_skip(scan: _Scanner) -> None:
    """The element is too long to hold: from here on only its strings and brackets are followed."""
    scan.skipping, scan.in_string = True, False
    scan.head = scan.buffer[scan.at : scan.at + HEAD_KEPT]
    scan.begun_at = (scan.line, scan.offset)
    scan.pass_over(scan.at + scan.checked)


def _skip(scan: _Scanner) -> bool:
    """Passes over bytes of an element too long to hold; True once its end was seen."""
    while scan.at < len(scan.buffer):
        if scan.in_string:
            rest = _REST_OF_STRING.match(scan.buffer, scan.at)
            end = rest.end() if rest else scan.at
            scan.in_string = scan.buffer[end : end + 1] != b'"'
            scan.pass_over(end if scan.in_string else end + 1)
            if scan.in_string:
                return False  # what is left is at most a backslash that waits for its character
        else:
            mark = (_STRUCTURE if scan.depth > 0 else re.compile(rb'["\[\]{},\s]')).search(scan.buffer, scan.at)
            if mark is None:
                scan.pass_over(len(scan.buffer))
                return False
            if scan.depth <= 0 and mark[0] not in (b'"', b"[", b"{"):
                scan.pass_over(mark.start())  # a bare word without end
                return True
            scan.pass_over(mark.end())
            scan.in_string = mark[0] == b'"'
            scan.depth += _STEP.get(mark[0], 0)
        if scan.depth <= 0 and not scan.in_string:
            return True
    return False


def _end_skip(scan: _Scanner) -> Piece:
    scan.tally.lines += 1
    line, offset = scan.begun_at
    length = scan.offset - offset
    piece = Piece(scan.tally.lines, line, offset, length, None, False, scan.head, too_long(length))
    scan.skipping = scan.in_string = False
    scan.checked = scan.depth = 0
    scan.after_value, scan.head = True, b""
    return piece
