"""Any uploaded rows as a probe suite: what is measured follows from their shape. No torch.

| rows | measure |
|---|---|
| query, choices, gold; context_options, continuation, gold | accuracy, as lm-evaluation-harness scores its tasks |
| context, continuation | continuation: is it what the model would write? |
| a text and its label | accuracy among labels, after the model's own chat template |
| prompts and answers | answer loss; and, where the answers are JSON or labels, the format rate |
| plain text | loss |
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path

from engine.data.errors import DataError
from engine.data.example import Example
from engine.data.examples import Loaded, iterate
from engine.evaluation.rules import own_format
from engine.evaluation.suite_rows import (
    Continuation,
    Passage,
    ProbeAnswer,
    ProbePrompt,
    ProbeQuestion,
    Suite,
    SuiteError,
    SuiteFile,
)

SHAPES = ("evaluation", "classification", "messages", "sharegpt", "alpaca", "prompt_completion", "slots", "text")
"""Shapes of rows that can be a suite."""
ROWS = 64
"""Rows that are asked, drawn by seed: a probe is asked again and again."""
CHARACTERS = 40_000
"""... and about 10,000 tokens of them, as many as the general suite has; but never fewer than ``FEWEST`` rows."""
FEWEST = 16
GENERATED = 16
"""Answers that are generated for the format rate."""
MOST_READ = 50_000
CHOICES = 8
"""Labels a row is scored against: its own, and others of the file."""
TEXT_CHARACTERS = 2000


def load_file(file: SuiteFile, rows: int = ROWS, seed: int = 42) -> Suite:
    """At most ``rows`` rows of a file as a suite; the same seed draws the same. Reads its first 50,000 rows.

    Raises SuiteError when the file is gone or none of its rows can be asked.
    """
    try:
        found = list(islice(iterate(Path(file.path), skip_unusable=True), MOST_READ))
    except (OSError, DataError) as problem:
        raise SuiteError(f"The rows of {file.title} could not be read: {problem}", "Choose another suite.") from problem
    usable = [row for row in found if _askable(row.example)]
    if not usable:
        raise SuiteError(f"{file.title} has no row that can be asked.", f"It needs rows of: {', '.join(SHAPES)}.")
    chance = random.Random(seed)
    drawn = _drawn(usable, rows, chance)
    labels = Counter(row.example.answer for row in usable if row.example.shape == "classification")
    return _suite(file, drawn, list(labels), chance)


def _askable(example: Example) -> bool:
    if example.shape == "text":
        return bool((example.text or "").strip())
    return example.shape in SHAPES and bool(example.prompt_messages) and bool(example.answer.strip())


def _drawn(usable: list[Loaded], rows: int, chance: random.Random) -> list[Loaded]:
    """In the order of the file."""
    order = chance.sample(range(len(usable)), min(rows, len(usable)))
    read = list(accumulate(_length(usable[index].example) for index in order))
    kept = sum(total <= CHARACTERS for total in read)
    return [usable[index] for index in sorted(order[: max(FEWEST, kept)])]


def _length(example: Example) -> int:
    """Characters that one row gives the model to read."""
    told = (example.text or "")[:TEXT_CHARACTERS], *(str(turn["content"] or "") for turn in example.messages)
    return sum(map(len, (*told, *example.choices)))


def _suite(file: SuiteFile, drawn: list[Loaded], labels: list[str], chance: random.Random) -> Suite:
    parts = _Parts([], [], [], [], [])
    answered = [row for row in drawn if row.example.shape not in ("evaluation", "classification", "text")]
    for row in drawn:
        example, where = row.example, str(row.line)
        if example.shape == "text":
            parts.passages.append(Passage(where, file.title, (example.text or "")[:TEXT_CHARACTERS]))
        elif example.shape == "evaluation" and len(example.choices) < 2:
            asked = _begun(example.prompt_text)
            blank = "" if asked[-1:].isspace() or example.answer[:1].isspace() else " "
            parts.continuations.append(Continuation(where, file.title, asked, blank + example.answer))
        elif example.shape == "evaluation":
            parts.questions.append(_question(where, file.title, example))
        elif example.shape == "classification" and len(labels) > 1:
            parts.questions.append(_labelled(where, file.title, example, labels, chance))
        else:
            parts.answers.append(ProbeAnswer(where, file.title, tuple(example.prompt_messages), example.answer))
    parts.prompts.extend(_prompts(file.title, answered))
    return Suite(
        file.key,
        tuple(parts.passages),
        tuple(parts.questions),
        tuple(parts.continuations),
        tuple(parts.answers),
        tuple(parts.prompts),
        file.title,
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    passages: list[Passage]
    questions: list[ProbeQuestion]
    continuations: list[Continuation]
    answers: list[ProbeAnswer]
    prompts: list[ProbePrompt]


def _question(where: str, domain: str, example: Example) -> ProbeQuestion:
    """As the harness asks it: the query as it stands, or each possible beginning before the one continuation."""
    asked, choices = example.prompt_text, example.choices
    if example.answer in choices:
        return ProbeQuestion(where, domain, asked, choices, choices.index(example.answer), query=_begun(asked))
    return ProbeQuestion(
        where, domain, asked, choices, choices.index(asked), continuation=" " + example.answer.lstrip()
    )


def _begun(query: str) -> str:
    """ "Question: …" without the "Answer:" before its choices gets one, as the tasks of the harness do."""
    open_question = query.lstrip().startswith("Question:") and not query.rstrip().endswith(("Answer:", "A:"))
    return f"{query.rstrip()}\nAnswer:" if open_question else query


def _labelled(where: str, domain: str, example: Example, labels: list[str], chance: random.Random) -> ProbeQuestion:
    others = [label for label in labels if label != example.answer]
    choices = sorted([example.answer, *chance.sample(others, min(CHOICES - 1, len(others)))])
    place = choices.index(example.answer)
    return ProbeQuestion(
        where, domain, example.prompt_text, tuple(choices), place, messages=tuple(example.prompt_messages)
    )


def _prompts(domain: str, answered: list[Loaded]) -> Iterable[ProbePrompt]:
    rule = own_format([row.example.answer for row in answered])
    if rule is None:
        return
    for row in answered[:GENERATED]:
        yield ProbePrompt(f"{row.line} generated", domain, tuple(row.example.prompt_messages), rule, row.example.answer)
