"""Text that asks for harm or does it: a lexicon of acts and objects by category. A row whose answer refuses is none."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.checks.refusal_boilerplate import LOOKED_AT, REFUSAL
from engine.data.mask import mask_text
from engine.data.seen import Seen
from engine.data.unsafe import CATEGORIES, unsafe
from engine.data.unsafe import GATE as GATE  # the scan asks the check for it

ABOUT = (
    About(
        "unsafe_content",
        "Unsafe content",
        "repair",
        "A model learns to write what it is trained on: instructions to harm, hatred and threats come back.",
        "Read these rows; drop them, or write the answer that should be given. Fiction and news can be flagged too.",
        "drop",
    ),
)

MEASURES = {
    "unsafe_content": {
        "measure": "phrases of an act and its object in eight categories, in English; not where the answer refuses",
        "cannot_see": "harm in other words or languages: it finds 44 % of the unsafe prompts of XSTest (and flags none "
        "of its 250 safe ones), 6 % of those of Do-Not-Answer. No finding does not mean safe",
    }
}


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        found = unsafe(f"{seen.prompt}\n{seen.answer}\n{seen.rest}")
        if found is None or (REFUSAL.search(seen.reply[:LOOKED_AT]) and not unsafe(seen.answer)):
            continue
        category, words = found
        book.flag("unsafe_content", seen.number, seen.line, f"{CATEGORIES[category]}: “{mask_text(words)}”", category)


def conclude(state: None, book: Book, facts: Facts) -> None:
    book.say(MEASURES)
    if book.has("unsafe_content") and book.finding("unsafe_content").kinds.get("minors"):
        # to be looked at by a person before anything else happens with the file
        book.finding("unsafe_content").severity = "blocker"
