"""Marking what differs between an output and its reference, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

Part = tuple[str, str]
# A word, a run of blanks, or one sign: JSON is compared key by key and value by value.
_PIECES = re.compile(r"\w+|\s+|[^\w\s]")
# With less of it in common, marks would only make the output unreadable.
LEAST_IN_COMMON = 0.4
# Beyond this nobody reads marks, and the time grows with the square.
MOST_PIECES = 3000


def against_reference(output: str, reference: str, most: int = MOST_PIECES) -> list[Part]:
    """The output as parts ``(kind, text)``: "same", "added" (only in the output), "removed" (only in the reference).

    A text of more than ``most`` pieces comes back as one part without marks.
    """
    if not reference or output == reference:
        return [("same", output)] if output else []
    ours, theirs = _PIECES.findall(output), _PIECES.findall(reference)
    if len(ours) > most or len(theirs) > most:
        return [("same", output)] if output else []
    parts: list[Part] = []
    ends = [(-1, -1), *_common(ours, theirs), (len(ours), len(theirs))]
    for (i, j), (next_i, next_j) in pairwise(ends):
        if i >= 0:
            _add(parts, "same", ours[i])
        _add(parts, "removed", "".join(theirs[j + 1 : next_j]))
        _add(parts, "added", "".join(ours[i + 1 : next_i]))
    return _without_lone_blanks(parts)


def far_apart(parts: list[Part]) -> bool:
    """Whether output and reference have so little in common that marking words says nothing."""
    sizes = {"same": 0, "added": 0, "removed": 0}
    for kind, text in parts:
        sizes[kind] += len(text.strip())
    longest = sizes["same"] + max(sizes["added"], sizes["removed"])
    return sizes["same"] < LEAST_IN_COMMON * longest


def _common(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, int]]:
    """The places of a longest common subsequence, in order.

    One bit a piece and one addition a row (Hyyrö, Bit-parallel LCS-length computation revisited, 2004): a page marks
    dozens of answers in the time of one by difflib.
    """
    places: dict[str, int] = {}
    for place, piece in enumerate(theirs):
        places[piece] = places.get(piece, 0) | 1 << place
    full = (1 << len(theirs)) - 1
    state, rows = full, []
    for piece in ours:
        here = state & places.get(piece, 0)
        state = ((state + here) | (state - here)) & full
        rows.append(state)
    found = []
    i, j = len(ours), len(theirs)
    while i and j:
        if rows[i - 1] >> (j - 1) & 1:
            j -= 1
        elif i > 1 and not rows[i - 2] >> (j - 1) & 1:
            i -= 1
        else:
            i, j = i - 1, j - 1
            found.append((i, j))
    return found[::-1]


def _add(parts: list[Part], kind: str, text: str) -> None:
    if text and parts and parts[-1][0] == kind:
        parts[-1] = (kind, parts[-1][1] + text)
    elif text:
        parts.append((kind, text))


def _without_lone_blanks(parts: list[Part]) -> list[Part]:
    """Two changes with nothing but a blank between them read as one."""
    merged: list[Part] = []
    removed = added = ""
    for place, (kind, text) in enumerate(parts):
        lone = kind == "same" and text.isspace() and (removed or added) and place + 1 < len(parts)
        if kind == "removed" or lone:
            removed += text
        if kind == "added" or lone:
            added += text
        if kind == "same" and not lone:
            _add(merged, "removed", removed)
            _add(merged, "added", added)
            removed = added = ""
            _add(merged, "same", text)
    _add(merged, "removed", removed)
    _add(merged, "added", added)
    return merged
