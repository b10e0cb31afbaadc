"""A few answers in Markdown among plain ones, or the reverse."""

from __future__ import annotations

import re
from array import array

import numpy as np

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "mixed_markdown",
        "Markdown in a few answers",
        "notice",
        "The model learns to change its layout without a reason; where plain text is shown, the marks are seen.",
        "Take the marks out of these answers, or lay out all of them, unless the question asks for it.",
    ),
)
# A habit is what this share of the answers has. A code block is asked for by the question, so it is no habit; and a
# short answer without marks says nothing.
HABIT, LEAST_ANSWERS, LONG = 0.95, 50, 200
MARKDOWN = re.compile(
    r"^#{1,6} +\S|\*\*[^\s*][^*\n]{0,200}\*\*|^ {0,3}\|?(?: *:?-{3,}:? *\|)+|\[[^\]\n]{1,200}\]\(https?://",
    re.MULTILINE,
)
_BLOCK = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_NONE, _PLAIN, _PLAIN_LONG, _MARKED = 0, 1, 2, 3
MARKED, PLAIN = "Markdown", "no Markdown"


def start(options: Options) -> array[int]:
    """One byte a row: no words, plain, plain and long, Markdown."""
    return array("B")


def look(state: array[int], batch: list[Seen], book: Book) -> None:
    state.extend([_layout(seen.reply) for seen in batch])


def _layout(answer: str) -> int:
    if not answer or answer[0] in "{[":
        return _NONE
    maybe = "**" in answer or "#" in answer or "|" in answer or "](" in answer
    if maybe and MARKDOWN.search(_BLOCK.sub("", answer) if "```" in answer else answer):
        return _MARKED
    return _PLAIN_LONG if len(answer) >= LONG else _PLAIN


def hand_over(state: array[int]) -> array[int]:
    taken = array("B", state)
    del state[:]
    return taken


def take_over(state: array[int], part: array[int]) -> None:
    state.extend(part)


def conclude(state: array[int], book: Book, facts: Facts) -> None:
    layouts = np.frombuffer(state, dtype=np.uint8)
    marked, plain, long = ((layouts == each) for each in (_MARKED, _PLAIN, _PLAIN_LONG))
    all_plain, all_marked = int(marked.sum() + plain.sum() + long.sum()), int(marked.sum() + long.sum())
    odd, kind, said = None, "", ""
    if all_plain >= LEAST_ANSWERS and marked.any() and marked.sum() <= (1 - HABIT) * all_plain:
        odd, kind, said = marked, MARKED, "Nearly all answers are plain text."
    elif all_marked >= LEAST_ANSWERS and long.any() and long.sum() <= (1 - HABIT) * all_marked:
        odd, kind, said = long, PLAIN, "Nearly all long answers are in Markdown."
    if odd is None:
        return
    numbers, lines = facts.columns["number"].values(), facts.columns["line"].values()
    for place in np.flatnonzero(odd).tolist():
        book.flag("mixed_markdown", int(numbers[place]), int(lines[place]), said, kind)
    book.finding("mixed_markdown").extra |= {
        "measure": "headings, bold, tables and links outside code blocks, in answers that are no JSON",
        "threshold": f"{HABIT:.0%} of the answers (of {LONG} characters or more, where most have it) share the habit",
        "cannot_see": "lists and italics, which plain text has as well; whether the question asked for a layout",
    }
