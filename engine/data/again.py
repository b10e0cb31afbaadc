"""A row read a second time by its place in the file: for checks that must look closer, and for pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from engine.data import index
from engine.data.diagnose import MAX_LINE_BYTES, too_long
from engine.data.errors import RowProblem
from engine.data.example import Example
from engine.data.formats import detect, to_example
from engine.data.pieces import HEAD_KEPT, Piece, has_long_number
from engine.data.records import Problem, Record, json_piece, text_piece
from engine.data.seen import content

if TYPE_CHECKING:
    from engine.data.checks import Facts


def read_at(file: BinaryIO, container: str, place: tuple[int, int, int, int]) -> Record | Problem:
    """The line or element at ``place`` (number, line, offset, length), read as in the first pass."""
    number, line, offset, length = place
    file.seek(offset)
    if length > MAX_LINE_BYTES:
        head = file.read(HEAD_KEPT)
        return json_piece(Piece(number, line, offset, length, None, False, head, too_long(length)))
    raw = file.read(length)
    piece = Piece(number, line, offset, length, raw, has_long_number(raw))
    return text_piece(piece) if container == "text" else json_piece(piece)


def examples(facts: Facts, numbers: list[int]) -> Iterator[tuple[int, int, Example]]:
    """(number, line, example) of usable rows, read again from the file."""
    with facts.file.open("rb") as file:
        for place in index.places(facts.connection, sorted(numbers)):
            record = read_at(file, facts.container, place)
            if isinstance(record, Record):
                try:
                    example = to_example(record.row, detect(record.row))
                except RowProblem:
                    continue
                yield place[0], place[1], example


def contents(facts: Facts, numbers: list[int]) -> Iterator[tuple[int, int, str, str, str]]:
    """(number, line, prompt, answer, rest) of the same."""
    return ((number, line, *content(example)) for number, line, example in examples(facts, numbers))
