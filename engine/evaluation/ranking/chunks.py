"""Documents into passages: whole paragraphs while they fit, longer ones by words, with an overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")


@dataclass(frozen=True, slots=True)
class Chunk:
    """``number`` counts the chunks of its document from 0."""

    document: str
    number: int
    text: str


def chunks_of(document: str, text: str, most_words: int, overlap: int) -> list[Chunk]:
    """Passages of at most ``most_words`` words, the overlap counted.

    A paragraph is not parted while it fits beside the overlap; each passage begins with the last ``overlap`` words of
    the one before it. Every word of the document stands in one passage at least, in its order.
    """
    room = most_words - overlap
    found: list[list[str]] = []
    current: list[str] = []
    for words in _pieces(text, room):
        if current and len(current) + len(words) > room:
            found.append(current)
            current = []
        current = [*current, *words]
    if current:
        found.append(current)
    made = []
    for place, words in enumerate(found):
        before = found[place - 1][-overlap:] if place and overlap else []
        made.append(Chunk(document, place, " ".join([*before, *words])))
    return made


def _pieces(text: str, room: int) -> Iterator[list[str]]:
    """The words of each paragraph, parted where there are more than fit in a passage."""
    for paragraph in _PARAGRAPH.split(text):
        words = paragraph.split()
        for first in range(0, len(words), room):
            yield words[first : first + room]
