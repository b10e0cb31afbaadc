"""An answer that only repeats the question."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
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


def start(options: Options) -> None:
    return None


def look(state: None, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        messages = seen.example.messages
        if not messages:
            continue
        if messages[-1]["role"] == "assistant" and len(messages) > 1 and messages[-2]["role"] == "user":
            prompt, answer = messages[-2]["content"], messages[-1]["content"]  # most rows: no need to look for them
        else:
            prompt, answer = seen.example.prompt_text, seen.example.answer
        if prompt and answer and prompt.strip() == answer.strip():
            book.flag("prompt_equals_answer", seen.number, seen.line)


def conclude(state: None, book: Book, facts: Facts) -> None:
    """Nothing is left to do."""
