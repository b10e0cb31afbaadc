"""Runs of words as 64-bit numbers, for a batch of rows at once: a few passes of numpy over its bytes instead of a
Python object a word. The numbers are the same in every process and on every day."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from engine.data.normalise import ASCII, PART
from engine.data.seen import Seen
from engine.data.similar import MOST_WORDS, PARTED, ROLES, spoken, units

Hashes = NDArray[np.uint64]
Offsets = NDArray[np.int64]

# What is no letter in any normal form, in UTF-8: general punctuation, arrows, boxes, most emoji, Latin-1 marks. Text
# that has only such beside ASCII needs no normalising.
_MARKS = re.compile(
    rb"(?:\xe2(?:\x80[\x80-\xbf]|\x81[\x80-\x9e]|\x82\xac|[\x86\x87\x94-\x97][\x80-\xbf])"
    rb"|\xc2[\xa0-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf]|\xc3[\x97\xb7]|\xf0\x9f[\x8c-\xa7][\x80-\xbf]|\xef\xb8\x8f)+"
)
_BLANK = 0x20
_PART, _LONGEST_ROLE = PART.encode(), max(map(len, ROLES))
_FACTOR, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_EIGHT = 8
# The first n of eight bytes, read as a little-endian number.
_FIRST = np.array([(1 << 8 * size) - 1 for size in range(_EIGHT + 1)], dtype=np.uint64)


def words_of(text: str) -> tuple[bytes, int]:
    """``similar.units`` as one text: (the words, parted by blanks, 0) or (the characters, parted by blanks, 1)."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) <= MOST_WORDS and (text.isascii() or _MARKS.fullmatch(raw.translate(None, ASCII))):
        return raw.translate(PARTED), 0
    words, unparted = units(text)
    return b" ".join(words), unparted


def said(seen: Seen) -> tuple[bytes, int]:
    """``words_of`` what is said in a row, worked out once for all checks."""
    if seen.said is None:
        seen.said = words_of(_spoken(seen))
    return seen.said


def _spoken(seen: Seen) -> str:
    """``spoken`` of a row; of most it can be had without taking the row's text apart again."""
    turns = seen.turns
    kept = [text for role, text in zip(turns[::2], turns[1::2], strict=True) if role != "system"]
    plain = len(turns) > 2 and seen.raw.count(_PART) == len(turns) - 2 and min(map(len, kept)) > _LONGEST_ROLE
    return " ".join([*kept, ""]) if plain else spoken(seen.prompt, seen.answer, seen.rest)


def word_hashes(texts: list[bytes]) -> tuple[Hashes, Offsets]:
    """The number of each word of each text, one after the other, and where each text begins among them (texts + 1).

    A word's number comes of its first and last eight bytes and its length: words of up to 16 bytes differ when they
    differ, longer ones but for their middle.
    """
    joined = b" ".join([b"", *texts, b" " * _EIGHT])
    inside = np.frombuffer(joined, dtype=np.uint8) != _BLANK
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    eights: Hashes = np.ndarray(len(joined) - _EIGHT + 1, dtype="<u8", buffer=joined, strides=(1,))
    sizes = ends - starts
    mask = _FIRST[np.minimum(sizes, _EIGHT)]
    hashes = (eights[starts] & mask) * _FACTOR
    hashes ^= hashes >> np.uint64(32)
    hashes += eights[np.maximum(ends - _EIGHT, starts)] & mask
    hashes *= _MIX
    hashes ^= hashes >> np.uint64(32)
    hashes += sizes.astype(np.uint64)
    hashes *= _FACTOR
    borders = np.cumsum([1, *(len(text) + 1 for text in texts)])
    return hashes, np.searchsorted(starts, borders)


_last: tuple[list[Seen], Hashes, Offsets] | None = None


def hashed(batch: list[Seen]) -> tuple[Hashes, Offsets]:
    """``word_hashes`` of what is said in each row of a batch, worked out once for all checks."""
    global _last
    if _last is None or _last[0] is not batch:
        _last = (batch, *word_hashes([said(seen)[0] for seen in batch]))
    return _last[1:]


def some_rows(hashes: Hashes, offsets: Offsets, places: Offsets) -> tuple[Hashes, Offsets]:
    """The words of the rows at ``places`` only."""
    if len(places) == len(offsets) - 1:
        return hashes, offsets
    sizes = np.diff(offsets)[places]
    kept = np.repeat(offsets[places] - np.r_[0, np.cumsum(sizes)[:-1]], sizes) + np.arange(sizes.sum())
    return hashes[kept], np.r_[0, np.cumsum(sizes)]


def without_first(hashes: Hashes, offsets: Offsets, counts: list[int]) -> tuple[Hashes, Offsets]:
    """Each row without as many of its first words as ``counts`` says."""
    dropped = np.array(counts, dtype=np.int64)
    kept = np.ones(len(hashes), dtype=np.bool_)
    for place in np.flatnonzero(dropped).tolist():
        kept[offsets[place] : offsets[place] + counts[place]] = False
    return hashes[kept], np.r_[0, np.cumsum(np.diff(offsets) - dropped)]


def run_hashes(hashes: Hashes, offsets: Offsets, length: int) -> tuple[Hashes, Offsets]:
    """The number of every run of ``length`` words within a text, and where each text begins among them."""
    count = max(0, len(hashes) - length + 1)
    runs = hashes[:count].copy()
    for place in range(1, length):
        runs *= _FACTOR
        runs += hashes[place : place + count]
    runs ^= runs >> np.uint64(32)
    runs *= _MIX
    runs ^= runs >> np.uint64(29)
    whole = np.ones(len(hashes), dtype=np.bool_)
    for back in range(1, length):  # a run that begins here would end in the next text
        crossing = offsets[1:] - back
        whole[crossing[crossing >= 0]] = False
    sizes = np.maximum(np.diff(offsets) - length + 1, 0)
    return runs[whole[:count]], np.r_[0, np.cumsum(sizes)]
