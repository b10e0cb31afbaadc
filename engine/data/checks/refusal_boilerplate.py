"""Answers that refuse, or speak as somebody else's assistant."""

from __future__ import annotations

import re

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "refusal_boilerplate",
        "Refusals and boilerplate",
        "notice",
        "A few refusals among the answers teach the model to refuse what it should do, in another model's voice.",
        "Write the answer, or drop the rows; keep refusals that are meant.",
    ),
)
# Refusals stand at the start of an answer; looking further finds quotations.
LOOKED_AT = 300
REFUSAL = re.compile(
    r"\bas an? (?:ai|artificial intelligence|large language model|language model)\b"
    r"|\bi(?:['’]m| am) (?:sorry|afraid),? (?:but )?(?:i|as an)\b"
    r"|\bi(?: can['’]?t| cannot| can not|['’]m unable to|['’]m not able to| am unable to| am not able to| won['’]t) "
    r"(?:assist|help|fulfil|provide|comply|answer|engage|create|generate|discuss|do that|support)"
    r"|\bi (?:do not|don['’]t) have (?:personal|feelings|opinions|the ability|access to real|real-time)"
    r"|\bmy (?:knowledge cutoff|training data|programming)\b|\bopenai['’]?s? (?:polic|content|use case)",
    re.IGNORECASE,
)
GATE = (
    r"\bas an? (?:ai|artificial intelligence|large language model|language model)\b"
    r"|\bi(?:'|\xe2\x80\x99| a)m (?:sorry|afraid)"
    r"|\bi(?: can(?:'|\xe2\x80\x99)?t| cannot| can not|(?:'|\xe2\x80\x99| a)m (?:un|not )able to"
    r"| won(?:'|\xe2\x80\x99)t) "
    r"(?:assist|help|fulfil|provide|comply|answer|engage|create|generate|discuss|do that|support)"
    r"|\bi (?:do not|don(?:'|\xe2\x80\x99)t) have (?:personal|feelings|opinions|the ability|access to real|real-time)"
    r"|\bmy (?:knowledge cutoff|training data|programming)|\bopenai(?:'|\xe2\x80\x99)?s? (?:polic|content|use case)"
)


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        match = REFUSAL.search(seen.reply[:LOOKED_AT])
        if match:
            book.flag("refusal_boilerplate", seen.number, seen.line, f"“{match[0]}”")


def conclude(state: None, book: Book, facts: Facts) -> None:
    if book.has("refusal_boilerplate"):
        book.finding("refusal_boilerplate").extra |= {
            "measure": f"phrases of English refusals in the first {LOOKED_AT} characters of an answer",
            "cannot_see": "refusals in other words or languages",
        }
