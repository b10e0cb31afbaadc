"""Rows that a text-classification model of the user's own takes for harmful. Runs only when one is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.data.again import contents
from engine.data.book import About, Book
from engine.data.checks import Facts, Options
from engine.data.seen import Seen

ABOUT = (
    About(
        "unsafe_by_model",
        "Unsafe by the safety model",
        "notice",
        "The safety model that was given takes these rows for harmful; a model learns to write what it is trained on.",
        "Read them, the surest first; the model is wrong at times.",
        "drop",
    ),
)
THRESHOLD, MOST_ROWS, MOST_CHARACTERS = 0.5, 20_000, 4000

MEASURES: dict[str, dict[str, Any]] = {
    "unsafe_by_model": {
        "measure": "a text-classification model of one's own",
        "threshold": THRESHOLD,
        "cannot_see": "what the model was not trained to see, and rows beyond their first 512 tokens",
    }
}


def start(options: Options) -> Path | None:
    return options.safety_model


def look(state: Path | None, batch: list[Seen], book: Book) -> None:
    """Nothing: rows are read again, an even sample of many."""


def conclude(state: Path | None, book: Book, facts: Facts) -> None:
    if state is None:
        book.pass_over(MEASURES, "no safety model was given")
        return
    from engine.data.safety_model import SafetyModel

    model = SafetyModel(state)
    numbers = [int(number) for number in facts.columns["number"].values()]
    step = max(1, -(-len(numbers) // MOST_ROWS))
    chosen = numbers[::step]
    for start_at in range(0, len(chosen), 1000):
        rows = list(contents(facts, chosen[start_at : start_at + 1000]))
        # A judge that sees the start of a row only would miss the answer: half of the room for each side.
        half = MOST_CHARACTERS // 2
        verdicts = model.judge([f"{prompt[-half:]}\n{answer[:half]}" for _, _, prompt, answer, _ in rows])
        for (number, line, *_), (label, chance) in zip(rows, verdicts, strict=True):
            if chance >= THRESHOLD:
                book.flag("unsafe_by_model", number, line, f"{label}, {chance:.0%}.", label[:40])
    sampled = f"; of a sample of {len(chosen):,} rows" if step > 1 else ""
    measure = f"the likeliest harmful label of {state.name}, on the prompt's end and the answer's start{sampled}"
    book.say({"unsafe_by_model": {**MEASURES["unsafe_by_model"], "measure": measure}})
