"""Rows whose prompt alone fills cutoff_len: not one token of the answer is trained."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "no_supervised_tokens",
        "Answer cut off whole",
        "repair",
        "The prompt alone reaches cutoff_len: with training on answers only, these rows teach nothing at all.",
        "Raise cutoff_len, shorten the prompts, or drop the rows.",
        "drop",
    ),
)


def start(options: Options) -> int:
    return options.cutoff_len if options.has_tokens else 0


def look(state: int, batch: list[Seen], book: Book) -> None:
    if state:
        for seen in batch:
            if seen.prompt_tokens >= state:
                book.flag("no_supervised_tokens", seen.number, seen.line, f"{seen.prompt_tokens:,} tokens of prompt.")


def conclude(state: int, book: Book, facts: Facts) -> None:
    if book.has("no_supervised_tokens"):
        book.finding("no_supervised_tokens").extra["threshold"] = f"{state} tokens"
