"""Characters that print nothing and steer terminals and printers."""

from __future__ import annotations

import re

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "control_characters",
        "Control characters",
        "notice",
        "They come from scraped or converted text, take tokens, and are learnt and written back.",
        "Take them out; tabs and line feeds stay.",
    ),
)
# All of C0 but tab, line feed and carriage return; the two separators that part a row's turns here are left out.
_BYTES = bytes(byte for byte in (*range(0x20), 0x7F) if byte not in b"\t\n\r\x1e\x1f")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1d\x7f-\x9f]")
GATE = r"[\x00-\x08\x0b\x0c\x0e-\x1d\x7f]|\xc2[\x80-\x9f]"


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        text = f"{seen.prompt}\n{seen.answer}"
        if text.isascii() and len(text.encode().translate(None, _BYTES)) == len(text):
            continue
        match = CONTROL.search(text)
        if match:
            book.flag("control_characters", seen.number, seen.line, f"U+{ord(match[0]):04X}.", f"U+{ord(match[0]):04X}")


def conclude(state: None, book: Book, facts: Facts) -> None:
    if book.has("control_characters"):
        book.finding("control_characters").extra |= {"measure": "C0 and C1 but tab, line feed and carriage return"}
