"""What is sent to the teacher. A person's words are put in as they are: placeholders are replaced once, literally."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

import orjson

from engine.data.examples import with_system
from engine.drafting.seeds import Seed

# mode → (what it is called, one line of what it does)
MODES: dict[str, tuple[str, str]] = {
    "more": ("More rows like these", "The teacher writes new prompts with their answers, alike but different."),
    "answer": ("Answer these prompts", "The teacher answers the prompts of the seed rows: data to distil it from."),
}
SHOWN_AT_ONCE = 4
DEFAULT = """You write training rows for a language model. These are example rows, one JSON object a line:

{rows}

Write {count} new rows like these: the same keys, the same task, the same form and style of answer. Each must be about another case, correct, and complete. Do not copy or reword an example. Use no personal data of real people.
Answer with {count} JSON objects, one a line, and nothing else."""  # noqa: E501
_PLACEHOLDER = re.compile(r"\{(?:rows|count)\}")


def messages_for(
    mode: str, seeds: Sequence[Seed], instruction: str, *, request: int, count: int, seed: int
) -> tuple[list[dict[str, Any]], list[Seed]]:
    """(the conversation sent as request number ``request``, the seeds that are in it). The same numbers give the
    same request."""
    if mode == "answer":
        chosen = seeds[request]
        turns = with_system(chosen.example, instruction).prompt_messages
        return [{"role": turn["role"], "content": turn["content"]} for turn in turns], [chosen]
    rng = random.Random(f"{seed}:{request}")
    shown = rng.sample(list(seeds), min(SHOWN_AT_ONCE, len(seeds)))
    return [{"role": "user", "content": fill(instruction or DEFAULT, shown, count)}], shown


def fill(instruction: str, seeds: Sequence[Seed], count: int) -> str:
    """The instruction with ``{rows}`` and ``{count}`` replaced; rows are added at the end where it has no place for
    them. Nothing in the rows is looked at for placeholders."""
    if "{rows}" not in instruction:
        instruction = instruction.rstrip() + "\n\n{rows}"
    values = {"{rows}": "\n".join(orjson.dumps(seed.row).decode() for seed in seeds), "{count}": str(count)}
    return _PLACEHOLDER.sub(lambda match: values[match[0]], instruction)
