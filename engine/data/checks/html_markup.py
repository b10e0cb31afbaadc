"""HTML in prompts or answers."""

from __future__ import annotations

import re

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "html_markup",
        "HTML in the text",
        "notice",
        "Left over from a web page, it is learnt and written back; where HTML is the task, it is right.",
        "Strip the markup unless it is meant. Pages here always show it as text, never run it.",
    ),
)
_TAG = re.compile(
    r"<(?:/?(?:p|br|div|span|a|b|i|u|em|strong|ul|ol|li|table|tr|td|th|h[1-6]|img|script|style|html|body|head|iframe|font|input|"
    r"form|button|svg)(?:\s+[\w-]+\s*=[^<>]{0,500})?\s?/?|!doctype html)>",
    re.IGNORECASE,
)
GATE = (
    r"<(?:/?(?:p|br|div|span|a|b|i|u|em|strong|ul|ol|li|table|tr|td|th|h[1-6]|img|script|style|html|body|head|iframe|font|"
    r"input|form|button|svg)[\s/>\x1c-\x1f\x80-\xff]|!doctype html)"
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        if "<" in seen.answer or "<" in seen.prompt:
            match = _TAG.search(seen.answer) or _TAG.search(seen.prompt)
            if match:
                book.flag("html_markup", seen.number, seen.line, f"{match[0][:40]}")


def conclude(state: None, book: Book, facts: Facts) -> None:
    """Nothing is left to do."""
