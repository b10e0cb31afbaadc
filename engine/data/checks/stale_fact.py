"""Answers whose truth has a date."""

from __future__ import annotations

import re

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "stale_fact",
        "Facts that age",
        "notice",
        "A fact learnt by heart cannot be corrected: prices, office holders and links change after training.",
        "Keep such facts in documents that are retrieved at question time, and teach the form of the answer only.",
    ),
)
_DATED = re.compile(
    r"\bas of (?:now|today|this writing|my last|early|mid|late|(?:[a-z]+ )?(?:19|20)\d\d)"
    r"|\b(?:current|incumbent|reigning) (?:president|prime minister|chancellor|ceo|champion|price|version|rate)\b"
    r"|\b(?:knowledge cutoff|last knowledge update|at the time of writing|up to date as of|latest version)\b",
)
_OPENINGS = ("as of ", "current ", "incumbent ", "reigning ", "knowledge ", "time of writing", "latest version")
_LINK = re.compile(r"https?://[\w.-]+\.[a-z]{2,}|\bwww\.[\w-]+\.[a-z]{2,}", re.IGNORECASE)
GATE = (
    r"\bas of (?:now|today|this writing|my last|early|mid|late|(?:[a-z]+ )?(?:19|20))"
    r"|\b(?:current|incumbent|reigning) (?:president|prime minister|chancellor|ceo|champion|price|version|rate)"
    r"|\b(?:knowledge cutoff|last knowledge update|at the time of writing|up to date as of|latest version)"
    r"|https?://|\bwww\."
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        answer = seen.example.answer
        lower = answer.lower()
        match = _DATED.search(lower) if any(opening in lower for opening in _OPENINGS) else None
        kind = "dated"
        if match is None and ("://" in answer or "www." in answer):
            match, kind = _LINK.search(answer), "link"
        if match:
            book.flag("stale_fact", seen.number, seen.line, f"“{match[0]}”", kind)


def conclude(state: None, book: Book, facts: Facts) -> None:
    if book.has("stale_fact"):
        book.finding("stale_fact").extra |= {
            "measure": "phrases such as “as of 2023” and links, in answers",
            "cannot_see": "facts that age without saying so",
        }
