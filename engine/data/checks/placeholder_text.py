"""Text that was to be filled in and was not."""

from __future__ import annotations

import re

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "placeholder_text",
        "Placeholders left in",
        "notice",
        "The model learns to write the placeholder instead of the value.",
        "Fill them in, or drop the rows; where a blank form is the answer, they are right.",
    ),
)
_PLACEHOLDER = re.compile(
    r"\{\{ ?[\w.-]{1,40}(?: [\w.-]{1,40}){0,3} ?\}\}|\blorem ipsum\b|\b(?:TODO|FIXME|TBD)\b"
    r"|[\[<](?:insert|your|enter|add|company|customer|client|recipient|sender)[ _][\w '/-]{1,40}[\]>]"
    r"|\b(?:xxx-xxx-xxxx|X{6,})\b",
    re.IGNORECASE,
)
_MARKED = re.compile(r"\b(?:TODO|FIXME|TBD)\b")
_OPENINGS = ("{{", "[", "<", "orem", "TODO", "FIXME", "TBD", "xxx", "XXX")
GATE = (
    r"\{\{[ \w.\x80-\xff-]|\blorem ipsum\b|\b(?-i:TODO|FIXME|TBD)\b|\bxxx-xxx-xxxx|\bx{6}"
    r"|[\[<](?:insert|your|enter|add|company|customer|client|recipient|sender)[ _]"
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        text = f"{seen.prompt}\n{seen.answer}"
        if any(opening in text for opening in _OPENINGS):
            for match in _PLACEHOLDER.finditer(text):
                if match[0].lower() not in ("todo", "fixme", "tbd") or _MARKED.match(match[0]):
                    book.flag("placeholder_text", seen.number, seen.line, f"“{match[0]}”")
                    break


def conclude(state: None, book: Book, facts: Facts) -> None:
    if book.has("placeholder_text"):
        book.finding("placeholder_text").extra |= {
            "measure": "double braces, lorem ipsum, TODO, and words such as [your name] in brackets",
            "cannot_see": "placeholders that look like values",
        }
