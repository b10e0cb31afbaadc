"""Characters without width: they cannot be seen and change every comparison."""

from __future__ import annotations

import re

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "zero_width",
        "Invisible characters",
        "notice",
        "Words that look equal are not: copies are missed, labels split in two, and tokens are spent on nothing.",
        "Take them out; joiners inside emoji and Indic or Arabic script stay.",
    ),
)
# Zero width space, word joiner, byte order mark, soft hyphen; joiners only where no script or emoji asks for them.
INVISIBLE = re.compile(
    "[\u200b\u2060\ufeff\u00ad]|(?<=[ -~\u00c0-\u024f])[\u200c\u200d]|[\u200c\u200d](?=[ -~\u00c0-\u024f])"
)
GATE = r"\xe2\x80[\x8b-\x8d]|\xe2\x81\xa0|\xef\xbb\xbf|\xc2\xad"


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        text = f"{seen.prompt}\n{seen.answer}"
        if not text.isascii():
            match = INVISIBLE.search(text)
            if match:
                book.flag("zero_width", seen.number, seen.line, f"U+{ord(match[0]):04X}.", f"U+{ord(match[0]):04X}")


def conclude(state: None, book: Book, facts: Facts) -> None:
    if book.has("zero_width"):
        book.finding("zero_width").extra |= {
            "measure": "zero width space, joiners beside Latin letters, word joiner, byte order mark, soft hyphen"
        }
