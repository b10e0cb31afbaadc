"""Rows that hold a text, found by scanning the file's bytes: no second copy of the text has to be kept."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_HITS = 1000
# A page must answer: a file that is not through by then is searched in part, and the page says how much of it.
MOST_SECONDS = 3.0
# Small enough to stay in a core's cache: a third faster than megabytes.
BLOCK = 1 << 18
# How common a byte is in rows of text, the commonest first: what is not named here is rare and makes a good anchor.
COMMON = b' etaoinsrhldcum":,pfgywb.vk{}nt\\'


@dataclass(slots=True)
class Hits:
    """Places of the rows that hold the text; ``capped`` when there may be more; ``searched`` is the share of the file
    that was looked at when time ran out, else 1."""

    places: list[int] = field(default_factory=list)
    capped: bool = False
    searched: float = 1.0


def find_places(file: Path, offsets: NDArray[Any], text: str, mask: NDArray[np.bool_] | None = None) -> Hits:
    """Rows that hold ``text`` (ASCII letters in any case), in order, at most ``MOST_HITS`` and of the rows in ``mask``.
    ``offsets`` are where the rows begin. One pass of the file at most, about 600 MB a CPU second."""
    size, hits = file.stat().st_size, Hits()
    if not size or not len(offsets):
        return hits
    data = np.memmap(file, dtype=np.uint8, mode="r")
    forms = [np.frombuffer(form, np.uint8) for form in _forms(text)]
    deadline = time.monotonic() + MOST_SECONDS
    for start in range(0, size, BLOCK):
        if time.monotonic() > deadline:
            hits.capped, hits.searched = True, start / size
            return hits
        found = [start + _find(data[start : start + BLOCK + len(form) - 1], form) for form in forms]
        places = np.unique(np.searchsorted(offsets, np.concatenate(found), side="right") - 1)
        places = places[places >= 0] if mask is None else places[(places >= 0) & mask[places]]
        last = hits.places[-1] if hits.places else -1  # a row may lie in two blocks
        hits.places += [int(place) for place in places if place > last]
        if len(hits.places) >= MOST_HITS:
            hits.places, hits.capped = hits.places[:MOST_HITS], True
            return hits
    return hits


def _forms(text: str) -> list[bytes]:
    """How the text may be written in the file: as it is, and as JSON writes it."""
    forms = {
        text.encode("utf-8", "replace"),
        json.dumps(text)[1:-1].encode(),
        json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "replace"),
    }
    return sorted(forms)


def _find(block: NDArray[np.uint8], form: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where ``form`` begins in ``block``: the rarest byte everywhere, then the others where that one stands."""
    if len(block) < len(form):
        return np.zeros(0, np.int64)
    width = len(block) - len(form) + 1
    order = sorted(range(len(form)), key=lambda place: -_rarity(int(form[place])))
    first = order[0]
    hits = np.flatnonzero(_same(block[first : first + width], int(form[first])))
    for place in order[1:]:
        if not len(hits):
            break
        hits = hits[_same(block[hits + place], int(form[place]))]
    return hits.astype(np.int64)


def _same(data: NDArray[np.uint8], byte: int) -> NDArray[np.bool_]:
    if chr(byte).isascii() and chr(byte).isalpha():
        return np.asarray((data | 0x20) == (byte | 0x20))
    return np.asarray(data == byte)


def _rarity(byte: int) -> int:
    place = COMMON.find(bytes([byte]).lower())
    return len(COMMON) if place < 0 else place
