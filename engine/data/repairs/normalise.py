"""One spelling for what looks alike: Unicode forms, invisible characters, broken encodings, marks of templates."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from engine.data.checks.bidi_override import OVERRIDE
from engine.data.checks.control_characters import CONTROL
from engine.data.checks.mojibake import BROKEN
from engine.data.checks.zero_width import INVISIBLE
from engine.data.errors import DataError
from engine.data.repairs.context import Context, Item
from engine.data.repairs.fields import EXCEPT, Field, switched_off
from engine.data.rewrite import rewrite
from engine.data.templates import without_marks
from engine.data.unwrap import unwrapped

TITLE = "Normalise text"
ABOUT = "Writes text in one Unicode form, without invisible characters, broken encodings and marks of templates."
FIELDS = (
    Field(
        "unicode",
        "Unicode form",
        "choice",
        "NFC",
        "NFC keeps every sign, written in one way. NFKC also folds ligatures, wide letters and raised figures.",
        (("NFC", "NFC"), ("NFKC", "NFKC"), (None, "As it is")),
    ),
    Field(
        "invisible",
        "Invisible and control characters",
        "switch",
        True,
        "Takes out zero-width, direction and control characters; joiners inside emoji and Indic script stay.",
    ),
    Field("mojibake", "Broken characters", "switch", True, "Reads again, as UTF-8, what was read in another encoding."),
    Field(
        "templates",
        "Marks of templates",
        "switch",
        True,
        "Takes the marks of chat templates out of the text; a whole template becomes turns.",
    ),
    EXCEPT,
)
_CODES = {
    "invisible": ("zero_width", "bidi_override", "control_characters"),
    "mojibake": ("mojibake",),
    "templates": ("template_in_content",),
}
# What two, three and four bytes of UTF-8 look like in Windows-1252.
_TAIL = "[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2122]"
_MISREAD = re.compile(f"[\u00c2-\u00df]{_TAIL}|[\u00e0-\u00ef]{_TAIL}{{2}}|[\u00f0-\u00f4]{_TAIL}{{3}}")
_CONTROL_BYTES = bytes(byte for byte in (*range(0x20), 0x7F) if byte not in b"\t\n\r")
_SEPARATORS = re.compile("[\x1e\x1f]")
_ROUNDS = 10


def check(operation: dict[str, Any]) -> None:
    if operation.get("unicode", "NFC") is None and not any(operation.get(name, True) for name in _CODES):
        raise DataError("Normalise: nothing is chosen.", "Choose what to normalise.")


def codes(operation: dict[str, Any]) -> tuple[str, ...]:
    return tuple(code for name, mended in _CODES.items() if operation[name] for code in mended)


def where(operation: dict[str, Any], context: Context) -> Iterator[int]:
    return context.with_findings(codes(operation))


def change(operation: dict[str, Any], context: Context) -> Callable[[Item], list[dict[str, Any]]]:
    fewer = switched_off(operation, _CODES)
    return lambda item: [normalised(item.row, fewer.get(item.number, operation))]


def normalised(row: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The row until nothing changes: where a mark is taken out, two signs can meet that are one broken character."""
    for _ in range(_ROUNDS):
        before = row
        row = rewrite(row, partial(spelt, wanted=wanted))
        if wanted["templates"]:
            row = rewrite(unwrapped(row), without_marks)
        if row is before:
            break
    return row


def spelt(text: str, wanted: dict[str, Any]) -> str:
    """One text, until nothing changes: what is taken out may join letters that then have another form."""
    if text.isascii() and len(text.encode().translate(None, _CONTROL_BYTES)) == len(text):
        return text  # most texts of most files: nothing to look for
    for _ in range(_ROUNDS):
        before = text
        if wanted["mojibake"] and BROKEN.search(text):
            text = mended(text)
        if wanted["invisible"]:
            for unseen in (CONTROL, _SEPARATORS, OVERRIDE, INVISIBLE):
                text = unseen.sub("", text)
        if wanted["unicode"]:
            text = unicodedata.normalize(wanted["unicode"], text)
        if text == before:
            break
    return text


def mended(text: str) -> str:
    """By ftfy; what it finds too doubtful is read again sign by sign. U+FFFD stays: what stood there is lost."""
    from ftfy import fix_encoding

    text = fix_encoding(text)
    return _MISREAD.sub(_read_again, text) if BROKEN.search(text) else text


def _read_again(match: re.Match[str]) -> str:
    try:
        return match[0].encode("sloppy-windows-1252").decode("utf-8")  # the codec comes with ftfy
    except UnicodeError:
        return match[0]
