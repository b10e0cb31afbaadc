"""Rows of which nothing is trained: every answer begins beyond cutoff_len, or has weight 0."""

from __future__ import annotations

from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen
from engine.data.spans import is_trained

ABOUT = (
    About(
        "no_supervised_tokens",
        "No answer left to train",
        "repair",
        "With training on answers only, these rows teach nothing: what stands before the first answer reaches "
        "cutoff_len, or all answers have weight 0.",
        "Raise cutoff_len, shorten the prompts, give an answer weight 1, or drop the rows.",
        "drop",
    ),
)
CUT, WEIGHT = "cut off", "weight 0"


def start(options: Options) -> int:
    return options.cutoff_len if options.has_tokens else 0


def look(state: int, batch: list[Seen], book: Book) -> None:
    for seen in batch:
        if seen.example.messages and seen.sizes[2] and _all_silenced(seen):
            book.flag("no_supervised_tokens", seen.number, seen.line, "Every answer has weight 0.", WEIGHT)
        elif state and seen.prompt_tokens >= state:
            note = f"{seen.prompt_tokens:,} tokens before the first answer."
            book.flag("no_supervised_tokens", seen.number, seen.line, note, CUT)


def _all_silenced(seen: Seen) -> bool:
    """Of a preference or a thumb the last answer counts alone."""
    example = seen.example
    if example.rejected is not None or example.label is not None:
        return not is_trained(example.messages[example.answer_index])
    return not any(map(is_trained, example.messages))


def conclude(state: int, book: Book, facts: Facts) -> None:
    if book.has("no_supervised_tokens"):
        measure = "tokens before the first answer that is trained, by the model's chat template; of a preference or a "
        book.finding("no_supervised_tokens").extra |= {
            "measure": measure + "thumb before the last answer",
            "threshold": f"{state} tokens" if state else "weight 0: no tokens were counted",
        }
