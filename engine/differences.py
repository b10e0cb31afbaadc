"""Marking what differs between an output and its reference, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

Part = tuple[str, str]
# A word, a run of blanks, or one sign: JSON is compared key by key and value by value.
_PIECES = re.compile(r"\w+|\s+|[^\w\s]")
# With less of it in common, marks would only make the output unreadable.
LEAST_IN_COMMON = 0.4
# Beyond this the quadratic comparison would hold up the page; nobody reads marks in a text that long.
MOST_PIECES = 3000


def against_reference(output: str, reference: str) -> list[Part]:
    """The output as parts ``(kind, text)``: "same", "added" (only in the output), "removed" (only in the reference)."""
    ours, theirs = _PIECES.findall(output), _PIECES.findall(reference)
    if not reference or len(ours) > MOST_PIECES or len(theirs) > MOST_PIECES:
        return [("same", output)] if output else []
    parts: list[Part] = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, theirs, ours, autojunk=False).get_opcodes():
        removed, added = "".join(theirs[i1:i2]), "".join(ours[j1:j2])
        if kind == "equal":
            parts.append(("same", added))
            continue
        if removed:
            parts.append(("removed", removed))
        if added:
            parts.append(("added", added))
    return parts


def far_apart(parts: list[Part]) -> bool:
    """Whether output and reference have so little in common that marking words says nothing."""
    sizes = {"same": 0, "added": 0, "removed": 0}
    for kind, text in parts:
        sizes[kind] += len(text.strip())
    longest = sizes["same"] + max(sizes["added"], sizes["removed"])
    return sizes["same"] < LEAST_IN_COMMON * longest
