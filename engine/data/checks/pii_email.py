"""E-mail addresses. They are masked wherever a page, a report or a log shows the row."""

from __future__ import annotations

from engine.data.beside import BESIDE
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.mask import EMAIL, mask_text
from engine.data.seen import Seen

ABOUT = (
    About(
        "pii_email",
        "E-mail addresses",
        "notice",
        "A model can give back addresses it was trained on; personal data may also need a legal basis.",
        "Replace them by placeholders, unless they are public and meant.",
    ),
)
GATE = r"[A-Za-z0-9._%+\x80-\xff-]@[A-Za-z0-9_\x80-\xff-]+\."

MEASURES = {
    "pii_email": {
        "measure": "the form of an address, in every part of a row and the columns beside it",
        "cannot_see": "addresses written out (jane at example), quoted or wholly in another script",
    }
}


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        for text in (seen.prompt, seen.answer, seen.rest, seen.beside):
            if "@" in text and (match := EMAIL.search(text)):
                kind = BESIDE if text is seen.beside else ""
                book.flag("pii_email", seen.number, seen.line, mask_text(match[0]), kind)
                break


def conclude(state: None, book: Book, facts: Facts) -> None:
    book.say(MEASURES)
