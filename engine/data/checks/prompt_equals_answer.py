"""An answer that only repeats the question."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.normalise import PART, precise
from engine.data.seen import Seen

ABOUT = (
    About(
        "prompt_equals_answer",
        "Answer repeats the prompt",
        "repair",
        "It teaches the model to echo; usually two columns were filled from the same source.",
        "Correct the answers, or drop the rows.",
        "drop",
    ),
)

_PART = PART.encode()
# Shapes whose answer is a name of what is asked, such as a class: a text may well be called what it says.
NAMED = frozenset({"classification", "slots", "evaluation"})


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        messages = seen.example.messages
        if not messages or (seen.prompt_key[-1:] != seen.answer_key[-1:] and _ends_plainly(seen)):
            continue  # nearly every row: another letter at the end
        if messages[-1]["role"] == "assistant" and len(messages) > 1 and messages[-2]["role"] == "user":
            prompt, answer = messages[-2]["content"], messages[-1]["content"]  # most rows: no need to look for them
        else:
            prompt, answer = seen.example.prompt_text, seen.example.answer
        if not prompt or not answer:
            continue
        if prompt.strip() == answer.strip():
            book.flag("prompt_equals_answer", seen.number, seen.line, "", "equal")
        elif (
            seen.format not in NAMED
            and _last(seen.prompt_key) == _last(seen.answer_key)
            and precise(prompt) == precise(answer) != ""
        ):
            book.flag("prompt_equals_answer", seen.number, seen.line, "But for writing.", "but for writing")


def _ends_plainly(seen: Seen) -> bool:
    """Are the last turns a question and its answer, and nothing beside what they say?"""
    return seen.roles[-2:] == "ua" and len(seen.example.messages[-1]) == 2 == len(seen.example.messages[-2])


def _last(key: bytes) -> bytes:
    """The last turn's content in a coarse key."""
    return key.rpartition(_PART)[2]


def conclude(state: None, book: Book, facts: Facts) -> None:
    if book.has("prompt_equals_answer"):
        book.finding("prompt_equals_answer").extra |= {
            "measure": "equal as they stand, or after NFKC, case folding, punctuation and white space",
            "cannot_see": "answers that say the question again in other words",
        }
