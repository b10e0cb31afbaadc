"""Answers that end in a loop."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "repetition_loop",
        "Repetition loops",
        "repair",
        "A loop in the data teaches a loop; most come from a model that wrote the answers and could not stop.",
        "Cut the answer before the loop, or drop the rows.",
    ),
)
# A loop runs to the end: the model that wrote it never found out. So the end is looked at.
TAIL, LONGEST, TIMES, LEAST_WORDS = 1000, 40, 4, 8
# Without blanks: a unit of fewer characters than LONG_UNIT is said more often, and all of it is as long as this.
LONG_UNIT, SHORT_TIMES, LEAST_LETTERS, LAST_LOOKED_AT = 4, 8, 24, 16


def loop(text: str) -> list[str]:
    """The words that ``text`` repeats at its end, four times or more and over eight words or more; else none."""
    tail = text[-TAIL:]
    # The last word of a loop was said as often as the loop; most answers stop here.
    if tail.count(tail.rsplit(None, 1)[-1] if tail and not tail.isspace() else " ") < TIMES:
        return []
    words = tail.split()
    if len(words) < LEAST_WORDS or words[-LONGEST * TIMES :].count(words[-1]) < TIMES:
        return []
    for length in range(1, min(LONGEST, len(words) // TIMES) + 1):
        same = 0
        for place in range(len(words) - 1, length - 1, -1):
            if words[place] != words[place - length]:
                break
            same += 1
        if same >= max((TIMES - 1) * length, LEAST_WORDS - length):
            return words[-length:]
    return []


def unspaced_loop(text: str) -> str:
    """The characters that ``text`` repeats at its end without a blank (hahaha, 哈哈哈); else nothing. Lines of signs
    and noughts are none: a loop has a letter."""
    tail = text[-TAIL:].rstrip("!?.…。！？~～ \n\"'”’")
    # A loop is a word of at least so many characters; most answers end with a shorter one.
    if not tail or len(tail[-LAST_LOOKED_AT:].split()[-1]) < SHORT_TIMES:
        return ""
    if tail[-LONGEST * TIMES :].count(tail[-1]) < TIMES:
        return ""
    for length in range(1, min(LONGEST, len(tail) // TIMES) + 1):
        unit = tail[-length:]
        times = SHORT_TIMES if length < LONG_UNIT else TIMES
        # A letter of Han or kana says as much as a few of the alphabet.
        least = LEAST_LETTERS if unit.isascii() or length >= LONG_UNIT else SHORT_TIMES
        count = max(times, -(-least // length))
        if tail.endswith(unit * count) and any(map(str.isalpha, unit)) and not any(map(str.isspace, unit)):
            return unit
    return ""


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        answer = seen.reply or seen.answer
        words = loop(answer) or [unspaced_loop(answer)]
        if words[0]:
            book.flag("repetition_loop", seen.number, seen.line, f"“{' '.join(words)[:80]}” again and again.")


def conclude(state: None, book: Book, facts: Facts) -> None:
    if book.has("repetition_loop"):
        book.finding("repetition_loop").extra |= {
            "measure": "the same 1 to 40 words four times or more at the end of an answer, or the same characters "
            "without a blank (eight times if fewer than four, else four)",
            "cannot_see": "loops in other words, and loops that were left again",
        }
