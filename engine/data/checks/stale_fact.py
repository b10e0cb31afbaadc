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
# Years from 2015 on: what is said of them was news when the answer was written. Older ones are history, and stay true.
_YEAR_DIGITS = r"20(?:1[5-9]|[23]\d)"
_YEAR = re.compile(
    rf"\b(?:in|since|by|until|till|during|throughout|for|from|early|mid|late|this year,?|the year|fiscal|season)"
    rf"(?: the)?(?: (?:year|early|mid|late|end of|start of))?[ -]{_YEAR_DIGITS}\b(?![-/.,]?\d)"
    rf"|\b(?:currently|nowadays|at present|today|latest|newest|most recent|recently|so far)\b[^.!?\n]{{0,60}}"
    rf"\b{_YEAR_DIGITS}\b"
    rf"|\b{_YEAR_DIGITS}\b[^.!?\n]{{0,40}}\b(?:currently|nowadays|to date|so far|this year)\b",
    re.ASCII,
)
_LINK = re.compile(r"https?://[\w.-]+\.[a-z]{2,}|\bwww\.[\w-]+\.[a-z]{2,}", re.IGNORECASE)
GATE = (
    r"\bas of (?:now|today|this writing|my last|early|mid|late|(?:[a-z]+ )?(?:19|20))"
    r"|\b(?:current|incumbent|reigning) (?:president|prime minister|chancellor|ceo|champion|price|version|rate)"
    r"|\b(?:knowledge cutoff|last knowledge update|at the time of writing|up to date as of|latest version)"
    r"|https?://|\bwww\.|20(?:1[5-9]|[23]\d)"
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        answer = seen.reply
        lower = answer.lower()
        match = _DATED.search(lower) if any(opening in lower for opening in _OPENINGS) else None
        kind = "dated"
        if match is None and "20" in lower:
            match, kind = _YEAR.search(lower), "year"
        if match is None and ("://" in answer or "www." in answer):
            match, kind = _LINK.search(answer), "link"
        if match:
            book.flag("stale_fact", seen.number, seen.line, f"“{match[0]}”", kind)


def conclude(state: None, book: Book, facts: Facts) -> None:
    if book.has("stale_fact"):
        book.finding("stale_fact").extra |= {
            "measure": "in answers, phrases such as “as of” and “the current president”, years from 2015 on (“in "
            "2023”, “currently … 2024”), and links",
            "cannot_see": "facts that age without saying so, and whether a year is history or part of a story",
        }
