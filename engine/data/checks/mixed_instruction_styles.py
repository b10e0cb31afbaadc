"""Prompts with headings such as "Instruction:" among prompts in plain words, or the other way round."""

from __future__ import annotations

import re
from array import array

import numpy as np

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "mixed_instruction_styles",
        "Mixed styles of instruction",
        "notice",
        "Rows with headings (Instruction:, Input:) and rows in plain words teach two ways to be asked; users send one.",
        "Write all prompts as they will be sent, or keep both on purpose and test both.",
    ),
)
# Fewer rows of the rarer style than this, or a smaller share, are slips or quotations.
LEAST_ROWS, LEAST_SHARE = 3, 0.01
_WORDS = r"(?:instructions?|input|question|context|task|response|answer|output|anweisung|frage|eingabe|antwort)"
_HEADED = re.compile(rf"[\n\x1f][#* ]{{0,6}}{_WORDS}[* ]{{0,3}}:", re.IGNORECASE)
GATE = rf"[\n\x1f][#* ]{{0,6}}{_WORDS}[* ]{{0,3}}:"


def start(options: Options) -> array[int]:
    """The numbers of the rows with headings."""
    return array("Q")


def look(state: array[int], batch: list[Seen], book: Book) -> None:
    state.extend([seen.number for seen in batch if ":" in seen.prompt and _HEADED.search(seen.prompt)])


def hand_over(state: array[int]) -> array[int]:
    taken = array("Q", state)
    del state[:]
    return taken


def take_over(state: array[int], part: array[int]) -> None:
    state.extend(part)


def conclude(state: array[int], book: Book, facts: Facts) -> None:
    headed, all_rows = len(state), facts.usable - facts.formats.get("text", 0)
    rarer = min(headed, all_rows - headed)
    if rarer < max(LEAST_ROWS, LEAST_SHARE * all_rows):
        return
    numbers, lines = facts.columns["number"].values(), facts.columns["line"].values()
    is_headed = np.isin(numbers, np.frombuffer(state, dtype=np.uint64))
    few = headed <= all_rows - headed
    note = "With headings; most prompts are in plain words." if few else "In plain words; most prompts have headings."
    for place in np.flatnonzero(is_headed if few else ~is_headed):
        book.flag("mixed_instruction_styles", int(numbers[place]), int(lines[place]), note)
    book.finding("mixed_instruction_styles").extra |= {
        "measure": "a line of the prompt that begins with a heading such as Instruction:, Input: or Question:",
        "threshold": f"at least {LEAST_ROWS} rows and {LEAST_SHARE:.0%} of the rarer style",
        "cannot_see": "other words for the headings, and styles that differ in tone only",
    }
