"""One seeded sample of rows, read again once the pass is over, for checks whose cost is not by the row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.data.again import examples
from engine.data.mask import mask_text

if TYPE_CHECKING:
    from engine.data.checks import Facts
    from engine.data.example import Example

Mask = Callable[[str], str]
MOST_ROWS, MOST_CHARACTERS, SEED = 20_000, 1000, 42


@dataclass(slots=True)
class Part:
    """What is kept of a sampled row: the start of what the user says and of the answer, personal data masked;
    ``prompt_characters`` and ``answer_characters`` are of the whole; ``asked`` counts the user's turns;
    ``annotated`` says that several people labelled the row."""

    number: int
    line: int
    prompt: str
    answer: str
    prompt_characters: int
    answer_characters: int
    asked: int
    annotated: bool


@dataclass(slots=True)
class Sample:
    """Rows in the order of the file. ``sampled`` is None when they are all there are."""

    parts: list[Part]
    sampled: int | None


def sample(facts: Facts) -> Sample:
    """At most 20,000 usable rows, each as likely as any other; the same file gives the same ones. Read once."""
    if facts.sample is None:
        numbers = facts.columns["number"].values()
        places = np.arange(len(numbers))
        if len(numbers) > MOST_ROWS:
            places = np.sort(np.random.default_rng(SEED).choice(len(numbers), MOST_ROWS, replace=False))
        parts = [part(*found, facts.mask) for found in examples(facts, [int(number) for number in numbers[places]])]
        facts.sample = Sample(parts, len(parts) if len(numbers) > MOST_ROWS else None)
    return facts.sample


def part(number: int, line: int, example: Example, mask: Mask = mask_text) -> Part:
    prompt, answer = asked(example), example.answer
    turns = sum(message["role"] == "user" for message in example.prompt_messages)
    return Part(
        number,
        line,
        start(prompt, mask),
        start(answer, mask),
        len(prompt),
        len(answer),
        turns,
        bool(example.annotations),
    )


def asked(example: Example) -> str:
    """All that the user says before the answer; of raw text, the text."""
    if not example.messages:
        return example.text or ""
    return "\n".join(str(message["content"]) for message in example.prompt_messages if message["role"] == "user")


def start(text: str, mask: Mask = mask_text) -> str:
    """The first 1,000 characters, masked. What is cut at the end may be half an address: the last word goes with it."""
    if len(text) <= MOST_CHARACTERS:
        return mask(text)
    return mask(text[:MOST_CHARACTERS].rpartition(" ")[0])
