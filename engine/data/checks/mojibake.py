"""Text that was decoded in the wrong encoding."""

from __future__ import annotations

import re

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "mojibake",
        "Broken characters",
        "repair",
        "The model learns to write the broken characters; accents and quotation marks are lost for good.",
        "Decode the source again as UTF-8, or drop the rows.",
    ),
)
# What UTF-8 looks like when it is read as Windows-1252 or Latin-1, and the mark of undecodable bytes.
BROKEN = re.compile(
    "[\u00c2\u00c3][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2122]"
    "|\u00e2(?:\u20ac|\u0080)[\u0080-\u00bf\u0152\u0153\u02dc\u2013-\u2122]|\u00ef\u00bb\u00bf|\u00f0\u0178|\ufffd"
)
GATE = (
    r"\xc3[\x82\x83][\xc2\xc5\xc6\xcb\xe2]|\xc3\xa2(?:\xe2\x82\xac|\xc2\x80)"
    r"|\xc3\xaf\xc2\xbb|\xc3\xb0\xc5\xb8|\xef\xbf\xbd"
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        text = f"{seen.prompt}\n{seen.answer}"
        if not text.isascii():
            match = BROKEN.search(text)
            if match:
                kind = "undecodable" if match[0] == "\ufffd" else "wrong encoding"
                book.flag("mojibake", seen.number, seen.line, f"“{match[0]}”", kind)


def conclude(state: None, book: Book, facts: Facts) -> None:
    if book.has("mojibake"):
        book.finding("mojibake").extra |= {
            "measure": "UTF-8 read as Windows-1252 or Latin-1, and U+FFFD",
            "cannot_see": "other pairs of encodings",
        }
