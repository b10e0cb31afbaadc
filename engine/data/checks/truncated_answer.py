"""Answers that stop in the middle."""

from __future__ import annotations

import re
from array import array

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "truncated_answer",
        "Answers cut off",
        "notice",
        "The model learns to stop in the middle of a sentence, of code, or of JSON that then cannot be parsed.",
        "Complete the answers, or drop the rows; often a length limit cut them when they were made.",
    ),
)
LEAST_CHARACTERS = 60
# Where more answers than this end without a mark, it is the file's own style.
HABIT = 0.1
SHORT_POINT = 80
_OPEN_WORD = re.compile(
    r"\b(?:the|a|an|and|or|but|of|to|with|in|for|is|are|was|by|from|that|which|because|such as|as|on|at|your|their)$"
)
_SENTENCE = re.compile(r"[.!?。！？](?:\s|$)")
_WORD, _LAST_WORD = re.compile(r"[^\W\d_][\w'’-]*,?"), re.compile(r"[^\W\d_][\w'’-]*[,;]?")

# A short point of a list needs no full stop.
_POINT = re.compile(r"\s*(?:\(?\d{1,3}[.):]|[a-zA-Z][.)]|[-*+•–])\s")


class _State:
    """Rows that end without a mark, until it is known whether that is the file's habit."""

    def __init__(self) -> None:
        self.prose = 0
        self.numbers, self.lines = array("q"), array("q")


def start(options: Options) -> _State:
    return _State()


def look(state: _State, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        answer = seen.reply.rstrip()
        if len(answer) < LEAST_CHARACTERS:
            if answer[:1] in ("{", "[") and (note := _open_form(answer)):
                book.flag("truncated_answer", seen.number, seen.line, note)
            continue
        note = _open_form(answer)
        if not note and answer[-1].isalpha() and _OPEN_WORD.search(answer[-12:]):
            note = f"Ends with “{answer[-12:].split()[-1]}”."
        if note:
            book.flag("truncated_answer", seen.number, seen.line, note)
        elif _SENTENCE.search(answer):
            state.prose += 1
            if (answer[-1].isalpha() or answer[-1] in ",;") and _ends_in_words(answer) and not _is_point(answer):
                state.numbers.append(seen.number)
                state.lines.append(seen.line)


def _ends_in_words(answer: str) -> bool:
    """Are the last six words of the last line words, with nothing but blanks and commas between them?"""
    words = answer.rpartition("\n")[2][-200:].split(" ")[-6:]
    return len(words) == 6 and bool(_LAST_WORD.fullmatch(words[-1])) and all(map(_WORD.fullmatch, words[1:-1]))


def _is_point(answer: str) -> bool:
    line = answer.rpartition("\n")[2]
    return len(line) <= SHORT_POINT and _POINT.match(line) is not None


def _open_form(answer: str) -> str:
    if answer.count("```") % 2:
        return "A code block is not closed."
    first, last = answer[0], answer[-1]
    if first == "{" and '"' in answer[:20] and last != "}" and answer.count("{") > answer.count("}"):
        return "JSON that is not closed."
    if first == "[" and answer[1:2] in ('"', "{", "[") and last != "]" and answer.count("[") > answer.count("]"):
        return "JSON that is not closed."
    return ""


def hand_over(state: _State) -> tuple[int, array[int], array[int]]:
    taken = (state.prose, state.numbers, state.lines)
    state.prose, state.numbers, state.lines = 0, array("q"), array("q")
    return taken


def take_over(state: _State, part: tuple[int, array[int], array[int]]) -> None:
    state.prose += part[0]
    state.numbers.extend(part[1])
    state.lines.extend(part[2])


def conclude(state: _State, book: Book, facts: Facts) -> None:
    if len(state.numbers) <= max(1, HABIT * state.prose):
        for number, line in zip(state.numbers, state.lines, strict=True):
            book.flag("truncated_answer", number, line, "The last sentence has no end.")
    if book.has("truncated_answer"):
        book.finding("truncated_answer").extra |= {
            "measure": "code or JSON not closed, a last word that asks for another, a last sentence without an end",
            "threshold": f"a missing end counts where at most {HABIT:.0%} of the answers lack one",
            "cannot_see": "answers cut at the end of a sentence or within a list",
        }
