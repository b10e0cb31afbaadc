"""Characters that turn the direction of text."""

from __future__ import annotations

import re

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "bidi_override",
        "Direction overrides",
        "repair",
        "What is read is not what is trained on: such characters hide text and code (Boucher and Anderson 2021).",
        "Take them out; right-to-left script needs none of them.",
    ),
)
OVERRIDE = re.compile("[\u202a-\u202e\u2066-\u2069]")
GATE = r"\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]"


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        text = f"{seen.prompt}\n{seen.answer}"
        if not text.isascii():
            match = OVERRIDE.search(text)
            if match:
                book.flag("bidi_override", seen.number, seen.line, f"U+{ord(match[0]):04X}.", f"U+{ord(match[0]):04X}")


def conclude(state: None, book: Book, facts: Facts) -> None:
    if book.has("bidi_override"):
        book.finding("bidi_override").extra |= {"measure": "U+202A to U+202E and U+2066 to U+2069"}
